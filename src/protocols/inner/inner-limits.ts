import { type WireLimits, wireLimits } from '../../media/limits.ts';

/** The version of these frames; both ends have the same or part. */
export const INNER_VERSION = 1;

/** What one end takes from the other, beside the limits of what publishers send. */
export interface InnerLimits extends WireLimits {
  /** Bytes of one frame: a packet's message, its payload if that is not in the message, and some words about it. */
  readonly maxFrameBytes: number;
  /** Decoder configurations that later packets may refer to. */
  readonly maxConfigs: number;
}

/** Bytes of a frame beside what a publisher sent. */
const ROOM = 1024;

/** Bytes of a frame that asks for a stream: a path of 9 names, a token, and what surrounds them. */
export const MAX_HELLO_BYTES = 8192;
/** Bytes of the reason for a refusal or an end; more is cut off. */
export const MAX_REASON_BYTES = 1024;

/** @param limits what this server takes from publishers: as much may pass between its processes. */
export function innerLimits(limits: Partial<WireLimits> = {}): InnerLimits {
  const wire = { ...wireLimits, ...limits };
  return { ...wire, maxFrameBytes: 2 * wire.maxMessageBytes + ROOM, maxConfigs: 2 * wire.maxTracks };
}
