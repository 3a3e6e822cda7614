export { BroadcastServer, type PlayOptions } from './core/broadcast-server.ts';
export type { DoorChange, PreparedChange } from './core/change.ts';
export type { ComposedConfig, ConfigSource } from './core/config-source.ts';
export type { ConfigEffect, ConfigKeyChange, ConfigPlan, Configuration } from './core/configuration.ts';
export type { Context } from './core/context.ts';
export type { Action, Guard } from './core/admission.ts';
export { allow, type Decision, deny, limits, redirect, type SessionLimits } from './core/decision.ts';
export type { ListenerAnswer, ServerEventName, ServerEvents } from './core/events.ts';
export type { AdmitHandler, AdmitOptions, AdmitRequest } from './core/gate.ts';
export type { Listener } from './core/listener.ts';
export type { LiveStream } from './core/live-stream.ts';
export type { Logger } from './core/logger.ts';
export type { Recorder, Recording, RecordingPage, RecordingQuery } from './core/recorder.ts';
export type { Server, ServerDefinition } from './core/server.ts';
export { defineServer } from './core/server.ts';
export { type Player, Session, type SessionId } from './core/session.ts';
export type { SessionMedia } from './core/session-media.ts';
export { signStream, signStreamMd5 } from './core/sign.ts';
export type { StreamPath } from './core/stream-path.ts';
export type { Advice, StreamStatistics, TrackStatistics } from './core/stream-statistics.ts';
export {
  AbsentError,
  BusyError,
  ClosedError,
  ConfigError,
  ConnectionError,
  DeniedError,
  EndError,
  type ErrorCode,
  LimitError,
  ListenError,
  NmsError,
  ProtocolError,
  RecordError,
  SlowError,
  TimeoutError,
} from './errors.ts';
export { type Format, type Muxer, packets, type StreamState } from './media/format.ts';
export { AVPacket, type CodecName, type PacketType, type Track } from './media/packet.ts';
export type { Micros } from './media/time.ts';
export {
  NodeMediaServer,
  type NodeMediaServerConfig,
  type NodeMediaServerOptions,
  type NodeMediaServerState,
  type StopOptions,
} from './node-media-server.ts';
export { servers } from './servers.ts';
