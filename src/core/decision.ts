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

/** What a session was let in with, once everybody who was asked has agreed. */
export interface Grant {
  /** `/app/name` in place of what it asked for; the last redirect wins. */
  readonly redirect: string | null;
  /** The strictest of what was said. */
  readonly limits: SessionLimits;
}

export const FULL_GRANT: Grant = { redirect: null, limits: {} };

/** Is what a guard or listener returned a decision? Listeners may return anything. */
export function isDecision(answer: unknown): answer is Decision {
  return typeof answer === 'object' && answer !== null && 'allow' in answer && typeof answer.allow === 'boolean';
}

/**
 * The decision in what a guard or listener returned; `null` when it is none.
 * @throws TypeError when its limits cannot be kept: whoever meant to limit shall not let everything pass
 */
export function readDecision(answer: unknown): Decision | null {
  if (!isDecision(answer)) return null;
  const { maxDurationMs, maxBitrate, codecs } = answer.limits ?? {};
  for (const [name, value] of Object.entries({ maxDurationMs, maxBitrate })) {
    if (value === undefined || (typeof value === 'number' && !Number.isNaN(value))) continue;
    throw new TypeError(`the limit ${name} of a decision is ${String(value)}; a number is allowed`);
  }
  if (codecs === undefined || Array.isArray(codecs)) return answer;
  throw new TypeError(`the limit codecs of a decision is ${String(codecs)}; a list of names is allowed`);
}

/** The grant after one more who was asked has allowed it. */
export function narrow(grant: Grant, { redirect: path, limits: more }: Decision): Grant {
  if (path === undefined && more === undefined) return grant;
  return { redirect: path ?? grant.redirect, limits: strictest(grant.limits, more ?? {}) };
}

function strictest(a: SessionLimits, b: SessionLimits): SessionLimits {
  const maxDurationMs = least(a.maxDurationMs, b.maxDurationMs);
  const maxBitrate = least(a.maxBitrate, b.maxBitrate);
  const codecs = common(a.codecs, b.codecs);
  return {
    ...(maxDurationMs === undefined ? {} : { maxDurationMs }),
    ...(maxBitrate === undefined ? {} : { maxBitrate }),
    ...(codecs === undefined ? {} : { codecs }),
  };
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

function common(a: SessionLimits['codecs'], b: SessionLimits['codecs']): SessionLimits['codecs'] {
  if (a === undefined || b === undefined) return a ?? b;
  return a.filter((codec) => b.includes(codec));
}
