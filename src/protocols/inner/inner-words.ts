import type { CodecName, PacketType, TrackKind } from '../../media/packet.ts';

/** The byte after a frame's length. */
export const frameType = {
  /** Puller: version, token, path. First, and all that a puller ever says. */
  hello: 1,
  /** Owner: the stream follows. */
  accept: 2,
  /** Owner: no, and why. */
  refuse: 3,
  /** Owner: a decoder configuration, for packets that refer to it. */
  config: 4,
  packet: 5,
  /** Owner: another publisher's media follows. */
  renew: 6,
  /** Owner: the stream is over, and why. */
  end: 7,
  /** Owner: the stream goes on in another process. */
  move: 8,
} as const;

/** The bits of a packet's flags. */
export const packetFlag = {
  /** It came in an RTMP or FLV body, which ends this frame or came with an earlier one. */
  hasOrigin: 1,
  /** That body came with an earlier frame. */
  isShared: 2,
  /** The payload is a part of that body. */
  isInOrigin: 4,
  /** The payload is the configuration that the packet refers to. */
  isConfig: 8,
  /** The body is onMetaData in AMF0 and has been understood. */
  isMetadata: 16,
} as const;

/** Names and their numbers on the wire. */
export const kindCode: Readonly<Record<TrackKind, number>> = { video: 0, audio: 1, data: 2 };

export const typeCode: Readonly<Record<PacketType, number>> = {
  metadata: 0,
  config: 1,
  color: 2,
  channels: 3,
  key: 4,
  frame: 5,
  end: 6,
  other: 7,
};

export const codecCode: Readonly<Record<CodecName, number>> = {
  unknown: 0,
  avc: 1,
  hevc: 2,
  vvc: 3,
  av1: 4,
  vp8: 5,
  vp9: 6,
  h263: 7,
  screen: 8,
  screen2: 9,
  vp6: 10,
  vp6a: 11,
  jpeg: 12,
  aac: 13,
  mp3: 14,
  opus: 15,
  flac: 16,
  ac3: 17,
  eac3: 18,
  pcm: 19,
  adpcm: 20,
  g711a: 21,
  g711u: 22,
  nellymoser: 23,
  speex: 24,
  device: 25,
  amf0: 26,
};

/** Length and type of a frame. */
export const HEAD_BYTES = 5;
/** What a packet's frame says before it gives bytes. */
export const PACKET_BYTES = 42;
/** Before what a hello says. */
export const MAGIC = 0x4e4d5349;
