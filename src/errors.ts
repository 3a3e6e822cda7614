/** Every code that our errors carry: its class, when it is made, and what whoever reads it does. The reference is made from this. */
export const errorCodes = {
  NMS_CONFIG: {
    name: 'ConfigError',
    when: 'the configuration is wrong; `path` is the key',
    advice: 'correct the key. `nms check` finds it without a start',
  },
  NMS_LISTEN: {
    name: 'ListenError',
    when: 'a door cannot be opened; `address` is where',
    advice: 'free the port or choose another; choose an address of this machine',
  },
  NMS_PROTOCOL_HANDSHAKE: {
    name: 'ProtocolError',
    when: 'what came is not RTMP',
    advice: 'a browser, a scanner, or TLS on the port without TLS',
  },
  NMS_PROTOCOL_CHUNK: {
    name: 'ProtocolError',
    when: 'RTMP chunks that cannot be, or beyond a limit',
    advice: 'the message names the limit, which may be raised; otherwise report the encoder',
  },
  NMS_PROTOCOL_MESSAGE: {
    name: 'ProtocolError',
    when: 'an RTMP message that cannot be; a stream name that is not allowed',
    advice: 'correct the address: [names](../1-start/first-stream.md)',
  },
  NMS_PROTOCOL_AMF: {
    name: 'ProtocolError',
    when: 'AMF values that cannot be read, or beyond a limit',
    advice: 'report the encoder',
  },
  NMS_PROTOCOL_FLV: {
    name: 'ProtocolError',
    when: 'what a publisher sends is not FLV, or a tag is too large',
    advice: 'send FLV; the message says what came instead',
  },
  NMS_PROTOCOL_CODEC: {
    name: 'ProtocolError',
    when: "a codec's own header cannot be read",
    advice: 'the stream is passed on; only its description is missing',
  },
  NMS_PROTOCOL_HTTP: {
    name: 'ProtocolError',
    when: 'a request that a media address does not take',
    advice: 'the message says why',
  },
  NMS_PROTOCOL_WEBSOCKET: {
    name: 'ProtocolError',
    when: 'a broken handshake or frame, or a text message',
    advice: 'send binary messages',
  },
  NMS_PROTOCOL_INNER: {
    name: 'ProtocolError',
    when: 'what came over the connection between two workers makes no sense',
    advice: 'nothing: the stream is fetched again; report it',
  },
  NMS_PROTOCOL_PROXY: {
    name: 'ProtocolError',
    when: "a trusted proxy's PROXY header makes no sense",
    advice: 'the message says what is wrong; look at [the proxy](../4-operate/addresses-and-proxies.md)',
  },
  NMS_DENIED: {
    name: 'DeniedError',
    when: 'a signature, a guard or a listener said no',
    advice: 'get a [signed address](../4-operate/signed-addresses.md) that fits and has not expired',
  },
  NMS_BUSY: {
    name: 'BusyError',
    when: 'somebody publishes this stream already',
    advice: 'another name; or let the second [take over](../2-publish/reconnect.md)',
  },
  NMS_ABSENT: {
    name: 'AbsentError',
    when: 'nobody publishes this stream, and nobody began to within `play.waitMs`',
    advice: 'start the publisher, ask again',
  },
  NMS_LIMIT: {
    name: 'LimitError',
    when: 'a limit that no specification sets; `limit` names it',
    advice: 'raise it, or find out who needs so much',
  },
  NMS_RECORD: {
    name: 'RecordError',
    when: "a recording cannot begin or go on: the folder cannot be written, the disk is full or too slow; `cause` is the system's error",
    advice: "free the disk, correct `record.path`, look at the disk's speed",
  },
  NMS_SLOW: {
    name: 'SlowError',
    when: 'a player was behind for longer than `play.slowTimeoutMs`',
    advice: 'a smaller picture, a better network',
  },
  NMS_TIMEOUT: {
    name: 'TimeoutError',
    when: 'nothing came in time; `limit` names the time',
    advice: 'look at the peer and the network',
  },
  NMS_CLOSED: {
    name: 'ClosedError',
    when: 'the server stops, the operator ended the session, or another took the place',
    advice: 'nothing, or connect again',
  },
  NMS_END: {
    name: 'EndError',
    when: "the peer, or the publisher, ended it in his protocol's words",
    advice: 'nothing: this is how sessions end well',
  },
  NMS_CONNECTION: {
    name: 'ConnectionError',
    when: "the connection broke, or was closed without a word; `cause` is the system's error",
    advice:
      "nothing for players, which often leave like that; a publisher's [place is kept](../2-publish/reconnect.md)",
  },
} as const satisfies Record<string, { readonly name: string; readonly when: string; readonly advice: string }>;

/** The code of an error of ours. */
export type ErrorCode = keyof typeof errorCodes;

/** The base of every error this library throws on purpose: `code` is stable, `message` is for people. */
export class NmsError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The operator's configuration is wrong. `path` is the key, in dots (`rtmp.port`). */
export class ConfigError extends NmsError {
  readonly path: string;

  constructor(path: string, message: string, options?: { readonly cause?: unknown }) {
    super('NMS_CONFIG' satisfies ErrorCode, message, options);
    this.path = path;
  }
}

/** A listener could not be opened. `address` is what was asked for (`0.0.0.0:1935`). */
export class ListenError extends NmsError {
  readonly address: string;

  constructor(address: string, message: string, options?: { readonly cause?: unknown }) {
    super('NMS_LISTEN' satisfies ErrorCode, message, options);
    this.address = address;
  }
}

/** The codes of a peer's breach of a protocol. */
export type ProtocolErrorCode = Extract<ErrorCode, `NMS_PROTOCOL_${string}`>;

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
    super('NMS_DENIED' satisfies ErrorCode, message, rest);
    this.isFinal = isFinal;
  }
}

/** The stream has a publisher already: answered as `NetStream.Publish.BadName`, HTTP 409. */
export class BusyError extends NmsError {
  constructor(message: string) {
    super('NMS_BUSY' satisfies ErrorCode, message);
  }
}

/** There is no such stream: answered as `NetStream.Play.StreamNotFound`, HTTP 404, WebSocket close 1013. */
export class AbsentError extends NmsError {
  constructor(message: string) {
    super('NMS_ABSENT' satisfies ErrorCode, message);
  }
}

/** A named limit was met that no specification sets: connections, memory, rate. HTTP 503. */
export class LimitError extends NmsError {
  readonly limit: string;

  constructor(limit: string, message: string) {
    super('NMS_LIMIT' satisfies ErrorCode, message);
    this.limit = limit;
  }
}

/** A player was behind for longer than `play.slowTimeoutMs`. */
export class SlowError extends NmsError {
  constructor(message: string) {
    super('NMS_SLOW' satisfies ErrorCode, message);
  }
}

/** Nothing came within a named time. */
export class TimeoutError extends NmsError {
  readonly limit: string;

  constructor(limit: string, message: string) {
    super('NMS_TIMEOUT' satisfies ErrorCode, message);
    this.limit = limit;
  }
}

/** The server is stopping or stopped, or an operator ended the session. */
export class ClosedError extends NmsError {
  constructor(message: string) {
    super('NMS_CLOSED' satisfies ErrorCode, message);
  }
}

/** The peer ended its stream in its protocol's own words: `deleteStream`, the end of a body, WebSocket close 1000. */
export class EndError extends NmsError {
  constructor(message: string) {
    super('NMS_END' satisfies ErrorCode, message);
  }
}

/** The connection itself failed: reset, refused, broken pipe. `cause` is the system's error. */
export class ConnectionError extends NmsError {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('NMS_CONNECTION' satisfies ErrorCode, message, options);
  }
}

/** A recording could not be begun or go on: the folder, the disk, or a disk that is too slow. `cause` is the system's error. */
export class RecordError extends NmsError {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('NMS_RECORD' satisfies ErrorCode, message, options);
  }
}
