import type { CodecName } from '../media/packet.ts';

/** What a session may do at most; it is ended with the reason when it does more. Nothing said: no limit. */
export interface SessionLimits {
  /** Milliseconds from `postPublish` or `postPlay` on. */
  readonly maxDurationMs?: number;
  /** Bits per second that a publisher may send, on the average of some seconds. */
  readonly maxBitrate?: number;
  /** What a publisher's tracks may be coded in. */
  readonly codecs?: readonly CodecName[];
}

/** The answer to whether a session may publish or play. */
export interface Decision {
  readonly allow: boolean;
  /** Why not, for the peer and the log: no secrets. */
  readonly reason?: string;
  /** `/app/name` that it publishes to, or plays, in place of what it asked for. */
  readonly redirect?: string;
  readonly limits?: SessionLimits;
}

/** It may. */
export function allow(): Decision {
  return { allow: true };
}

/** It may not; the peer hears the reason. */
export function deny(reason: string): Decision {
  return { allow: false, reason };
}

/**
 * It may, but another stream.
 * @param path `/app/name`, decoded
 */
export function redirect(path: string): Decision {
  return { allow: true, redirect: path };
}

/** It may, up to these limits. */
export function limits(limits: SessionLimits): Decision {
  return { allow: true, limits };
}
