/**
 * The limits of what a peer may send, with their defaults. Each is a key of the config's `limits` section; protocols take
 * them as constructor arguments.
 */
export const wireLimits = {
  /** Bytes of one RTMP message or FLV tag. */
  maxMessageBytes: 10 * 1024 * 1024,
  /** Bytes of all unfinished RTMP messages of one connection. */
  maxPartialBytes: 16 * 1024 * 1024,
  /** Chunk streams that one RTMP connection may open. */
  maxChunkStreams: 256,
  /** Message streams (createStream) open at once on one RTMP connection. */
  maxMessageStreams: 16,
  /** Bytes of one command or data message. */
  maxCommandBytes: 256 * 1024,
  /** Nesting of AMF objects and arrays. */
  maxAmfDepth: 32,
  /** Values in one AMF message, nested ones included. */
  maxAmfNodes: 16384,
  /** Tracks that one publisher may send, all kinds together. */
  maxTracks: 32,
};

export type WireLimits = Readonly<typeof wireLimits>;
