import { z } from 'zod';
import type { Decision, SessionLimits } from '../../core/decision.ts';
import { parseStreamPath } from '../../core/stream-path.ts';
import { NmsError } from '../../errors.ts';
import type { CodecName } from '../../media/packet.ts';
import type { CallAnswer } from './http-caller.ts';
import type { Target } from './target.ts';

/** Characters of a reason that a peer is told. */
const MAX_REASON_LENGTH = 200;
const DEFAULT_REASON = 'refused by a webhook';

const codecs = [
  ...(['avc', 'hevc', 'vvc', 'av1', 'vp8', 'vp9', 'h263', 'screen', 'screen2', 'vp6', 'vp6a', 'jpeg'] as const),
  ...(['aac', 'mp3', 'opus', 'flac', 'ac3', 'eac3', 'pcm', 'adpcm', 'g711a', 'g711u'] as const),
  ...(['nellymoser', 'speex', 'device'] as const),
] satisfies readonly CodecName[];

function isStreamPath(path: string): boolean {
  try {
    parseStreamPath(path);
    return true;
  } catch (error) {
    if (error instanceof NmsError) return false;
    throw error;
  }
}

const decisionSchema = z.strictObject({
  allow: z.boolean().default(true),
  reason: z.string().optional(),
  redirect: z.string().refine(isStreamPath).optional(),
  limits: z
    .strictObject({
      maxDurationMs: z.number().int().min(1).optional(),
      maxBitrate: z.number().int().min(1).optional(),
      codecs: z.array(z.enum(codecs)).optional(),
    })
    .optional(),
});

const refusalSchema = z.object({ reason: z.string().optional(), message: z.string().optional() });

/** An answer, or none, from which no decision follows: the target's `onError` decides. */
export class UselessAnswer extends Error {}

/** A sentence of somebody else's, on one line and cut short: it goes to the peer and into the log. */
function cleanReason(reason: string | undefined): string {
  const line = (reason ?? '').replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return line === '' ? DEFAULT_REASON : Array.from(line).slice(0, MAX_REASON_LENGTH).join('');
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Whoever sends an object means it, also without the header that says so. */
function looksLikeJson({ type, body }: CallAnswer): boolean {
  return /^application\/([\w.-]+\+)?json\b/i.test(type) || /^\s*[{[]/.test(body);
}

function readAllowance(answer: CallAnswer): Decision {
  if (answer.body.trim() === '') return { allow: true };
  if (!looksLikeJson(answer)) {
    // A page of some proxy is no consent; `OK` is.
    if (/^(text\/plain\b|$)/i.test(answer.type)) return { allow: true };
    throw new UselessAnswer(`answered ${answer.status} with ${answer.type.slice(0, 60)}; JSON or no body is allowed`);
  }
  const result = decisionSchema.safeParse(parseJson(answer.body));
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? 'the body' : issue.path.join('.');
    throw new UselessAnswer(`answered ${answer.status} with a body that is no decision (${where})`);
  }
  const { allow, reason, redirect, limits } = result.data;
  if (!allow) return { allow, reason: cleanReason(reason) };
  return {
    allow,
    ...(redirect === undefined ? {} : { redirect }),
    ...(limits === undefined ? {} : { limits: limits as SessionLimits }),
  };
}

/**
 * What a target has decided: 2xx allows, 4xx denies, JSON says more. A receiver made for Node-Media-Server 4 knows the status
 * only.
 * @throws UselessAnswer for every other answer
 */
export function readAnswer(answer: CallAnswer, format: Target['format']): Decision {
  const { status } = answer;
  if (status >= 200 && status < 300) return format === 'nms' ? { allow: true } : readAllowance(answer);
  if (status >= 400 && status < 500) {
    const refusal = refusalSchema.safeParse(parseJson(answer.body));
    const said = refusal.success ? (refusal.data.reason ?? refusal.data.message) : undefined;
    return { allow: false, reason: cleanReason(said) };
  }
  throw new UselessAnswer(`answered ${status}; 2xx or 4xx is allowed`);
}
