import { validateHeaderName, validateHeaderValue } from 'node:http';
import { z } from 'zod';
import { MAX_TIMER_MS } from '../../core/deadline.ts';
import { hookEvents } from './event-names.ts';

const count = (fallback: number, help: string) => z.number().int().min(1).default(fallback).describe(help);
const millis = (fallback: number, help: string) => z.number().int().min(1).default(fallback).describe(help);

/** Headers that say what a call is, or how it is carried. */
const OWN_HEADERS = /^(x-nms-.*|content-(type|length)|transfer-encoding|connection|host|expect|upgrade|te|trailer)$/i;

function canBeSent(headers: Readonly<Record<string, string>>): boolean {
  try {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return Object.keys(headers).every((name) => !OWN_HEADERS.test(name));
  } catch {
    return false;
  }
}

/** One of `notify.targets`. */
export const targetSection = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe('where calls go'),
  name: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('what the log and the outbox call it; without one its address, without parameters'),
  events: z
    .array(z.enum(hookEvents))
    .min(1)
    .optional()
    .describe('the events it is called about; without the key, all that its format knows'),
  secret: z.string().default('').describe('the key that signs calls; empty: they are not signed'),
  timeoutMs: z.number().int().min(1).max(MAX_TIMER_MS).default(5_000).describe('time for an answer'),
  headers: z
    .record(z.string(), z.string())
    .refine(canBeSent, 'headers of HTTP other than those of the call itself')
    .default({})
    .describe('more headers, such as Authorization; never logged'),
  onError: z
    .enum(['deny', 'allow'])
    .default('deny')
    .describe('what becomes of a session when the target gives no answer that can be used'),
  format: z.enum(['v1', 'nms']).default('v1').describe('what is sent; "nms": the payload of Node-Media-Server 4'),
});

const outbox = z
  .strictObject({
    maxCalls: count(200_000, 'calls that may wait for one target'),
    maxBytes: count(256 * 1024 * 1024, 'bytes of all that waits for one target'),
    maxMemoryBytes: count(16 * 1024 * 1024, 'bytes of what may wait in memory while the disk cannot be written'),
    whenFull: z
      .enum(['dropNewest', 'dropOldest'])
      .default('dropNewest')
      .describe('what is left out when no more may wait'),
    maxAttempts: count(200, 'attempts before a call is given up and becomes a dead letter'),
    maxAgeMs: millis(24 * 60 * 60_000, 'age at which a call that failed is given up'),
    minBackoffMs: millis(1_000, 'wait after the first failure; doubled after each other'),
    maxBackoffMs: millis(60_000, 'the longest wait between two attempts'),
    jitter: z.number().min(0).max(1).default(0.2).describe('the part of each wait that is left to chance'),
    maxDeadLetters: count(10_000, 'dead letters kept; the oldest are forgotten'),
  })
  .prefault({})
  .describe('what is kept until a target has taken it');

/** The `notify` section. */
export const notifySection = z
  .strictObject({
    url: z
      .union([z.literal(''), z.url({ protocol: /^https?$/ })])
      .default('')
      .describe('told and asked about every event in the form of Node-Media-Server 4; short for a target'),
    targets: z.array(targetSection).default([]).describe('who is told, and asked, about events'),
    maxCalls: count(256, 'calls under way at once, of those that decide and of the others each'),
    maxCallsPerTarget: count(64, 'the same to one target'),
    maxWaitingDecisions: count(10_000, 'sessions that may wait until they are asked about'),
    maxResponseBytes: count(64 * 1024, 'bytes of an answer'),
    stopTimeoutMs: z
      .number()
      .int()
      .min(0)
      .max(MAX_TIMER_MS)
      .default(3_000)
      .describe('time for calls that can still be made when the server stops; the rest waits for its next start'),
    outbox,
  })
  .prefault({})
  .describe('webhooks');

export type NotifyConfig = z.output<typeof notifySection>;
export type OutboxConfig = NotifyConfig['outbox'];
/** A target as the configuration names it. */
export type TargetConfig = NotifyConfig['targets'][number];
