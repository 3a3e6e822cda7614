/** The base of every error this library throws on purpose: `code` is stable, `message` is for people. */
export class NmsError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The operator's configuration is wrong. `path` is the key, in dots (`rtmp.port`). */
export class ConfigError extends NmsError {
  readonly path: string;

  constructor(path: string, message: string, options?: { readonly cause?: unknown }) {
    super('NMS_CONFIG', message, options);
    this.path = path;
  }
}

/** A listener could not be opened. `address` is what was asked for (`0.0.0.0:1935`). */
export class ListenError extends NmsError {
  readonly address: string;

  constructor(address: string, message: string, options?: { readonly cause?: unknown }) {
    super('NMS_LISTEN', message, options);
    this.address = address;
  }
}

export type ProtocolErrorCode =
  | 'NMS_PROTOCOL_HANDSHAKE'
  | 'NMS_PROTOCOL_CHUNK'
  | 'NMS_PROTOCOL_MESSAGE'
  | 'NMS_PROTOCOL_AMF'
  | 'NMS_PROTOCOL_FLV'
  | 'NMS_PROTOCOL_CODEC'
  | 'NMS_PROTOCOL_HTTP'
  | 'NMS_PROTOCOL_WEBSOCKET'
  | 'NMS_PROTOCOL_INNER'
  | 'NMS_PROTOCOL_PROXY';

/**
 * The peer broke a protocol. `position` is the byte of its input at which that was seen; `section` names the
 * specification; `limit` the named limit that was exceeded, if that is what happened.
 */
export class ProtocolError extends NmsError {
  readonly position: number;
  readonly section: string;
  readonly limit: string;

  constructor(
    code: ProtocolErrorCode,
    message: string,
    where: { readonly position?: number; readonly section?: string; readonly limit?: string } = {},
  ) {
    super(code, message);
    this.position = where.position ?? -1;
    this.section = where.section ?? '';
    this.limit = where.limit ?? '';
  }
}

/**
 * The peer may not do this: answered as RTMP `…Rejected`/`BadName`, HTTP 401 or 403. `isFinal`: whoever it proved to be, it
 * would be refused (its address may not); HTTP 403.
 */
export class DeniedError extends NmsError {
  readonly isFinal: boolean;

  constructor(message: string, options: { readonly cause?: unknown; readonly isFinal?: boolean } = {}) {
    const { isFinal = false, ...rest } = options;
    super('NMS_DENIED', message, rest);
    this.isFinal = isFinal;
  }
}

/** The stream has a publisher already: answered as `NetStream.Publish.BadName`, HTTP 409. */
export class BusyError extends NmsError {
  constructor(message: string) {
    super('NMS_BUSY', message);
  }
}

/** There is no such stream: answered as `NetStream.Play.StreamNotFound`, HTTP 404, WebSocket close 1013. */
export class AbsentError extends NmsError {
  constructor(message: string) {
    super('NMS_ABSENT', message);
  }
}

/** A named limit was met that no specification sets: connections, memory, rate. HTTP 503. */
export class LimitError extends NmsError {
  readonly limit: string;

  constructor(limit: string, message: string) {
    super('NMS_LIMIT', message);
    this.limit = limit;
  }
}

/** A player was behind for longer than `play.slowTimeoutMs`. */
export class SlowError extends NmsError {
  constructor(message: string) {
    super('NMS_SLOW', message);
  }
}

/** Nothing came within a named time. */
export class TimeoutError extends NmsError {
  readonly limit: string;

  constructor(limit: string, message: string) {
    super('NMS_TIMEOUT', message);
    this.limit = limit;
  }
}

/** The server is stopping or stopped, or an operator ended the session. */
export class ClosedError extends NmsError {
  constructor(message: string) {
    super('NMS_CLOSED', message);
  }
}

/** The peer ended its stream in its protocol's own words: `deleteStream`, the end of a body, WebSocket close 1000. */
export class EndError extends NmsError {
  constructor(message: string) {
    super('NMS_END', message);
  }
}

/** The connection itself failed: reset, refused, broken pipe. `cause` is the system's error. */
export class ConnectionError extends NmsError {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('NMS_CONNECTION', message, options);
  }
}

/** A recording could not be begun or go on: the folder, the disk, or a disk that is too slow. `cause` is the system's error. */
export class RecordError extends NmsError {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('NMS_RECORD', message, options);
  }
}
