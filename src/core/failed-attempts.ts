import { networkOf } from './peer-address.ts';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { DeniedError } from '../errors.ts';

/** A credential that was given and is wrong: a guess, unlike one that is missing, has expired or is for something else. */
export class WrongCredentialError extends DeniedError {}

/** A refusal of whatever an address wants, for what it did before. The mark reaches other processes too. */
export class TooManyAttemptsError extends DeniedError {
  readonly isTooMany = true;
}

/** Who gave a wrong credential: a session. */
export interface Culprit {
  readonly address: string;
  /** Aborts when the peer has gone. */
  readonly signal: AbortSignal;
  log(level: 'warn', message: string, fields: object): void;
}

/** The `auth.failures` section. */
export interface FailureRules {
  readonly delayMs: number;
  readonly maxDelayMs: number;
  readonly banAfter: number;
  readonly banMs: number;
  readonly forgetMs: number;
  readonly maxAddresses: number;
}

/** Where time comes from. */
export interface Patience {
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  /** Ends early, without an error, when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** Refusals of one address that may be held back at once. */
const MAX_HELD = 8;

export const realPatience: Patience = {
  now: () => performance.now(),
  wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
};

interface History {
  count: number;
  lastAt: number;
  bannedUntil: number;
  /** When each refusal that is held back will be over, whether or not its peer waits for it. */
  held: number[];
}

/** Slows down who tries credentials: refusals of an address come later and later. Bounded in memory. */
export class FailedAttempts {
  #rules: FailureRules;
  readonly #patience: Patience;
  readonly #onFailed: () => void;
  /** The one that failed last is last. */
  readonly #records = new Map<string, History>();

  /** @param onFailed is told of each wrong credential */
  constructor(rules: FailureRules, patience: Patience = realPatience, onFailed: () => void = () => {}) {
    this.#rules = rules;
    this.#patience = patience;
    this.#onFailed = onFailed;
  }

  /** Others from now on; what is remembered stays. */
  change(rules: FailureRules): void {
    this.#rules = rules;
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#records.size;
  }

  /** @throws TooManyAttemptsError when the address may not try anything now. */
  throwIfBanned(address: string): void {
    const record = this.#recordOf(address);
    if (record !== null && record.bannedUntil > this.#patience.now()) {
      throw new TooManyAttemptsError('too many failed attempts from this address; it is shut out for a while');
    }
  }

  /** @throws TooManyAttemptsError when so many refusals of the address are held back that no further credential is looked at. */
  throwIfBusy(address: string): void {
    const now = this.#patience.now();
    const held = this.#recordOf(address)?.held.filter((until) => until > now) ?? [];
    if (held.length < MAX_HELD) return;
    throw new TooManyAttemptsError('too many failed attempts from this address; try again later');
  }

  /** Counts a wrong credential and holds its refusal back; resolves early when the peer has gone. */
  async punish(culprit: Culprit): Promise<void> {
    const { address, signal } = culprit;
    const now = this.#patience.now();
    const record = this.#recordOf(address) ?? { count: 0, lastAt: now, bannedUntil: 0, held: [] };
    this.#onFailed();
    record.count++;
    record.lastAt = now;
    const { banAfter, banMs } = this.#rules;
    if (banAfter > 0 && record.count >= banAfter) {
      record.bannedUntil = now + banMs;
      culprit.log('warn', 'the address is shut out: too many failed attempts', { attempts: record.count, banMs });
    }
    const ms = this.#delayOf(record.count);
    record.held = record.held.filter((until) => until > now);
    if (ms > 0) record.held.push(now + ms);
    this.#keep(networkOf(address), record);
    if (ms > 0) await this.#patience.wait(ms, signal);
  }

  /** It has shown that it has a right one. */
  forgive(address: string): void {
    this.#records.delete(networkOf(address));
  }

  /** Nothing for the first, who mistyped; then twice as long each time. */
  #delayOf(count: number): number {
    const { delayMs, maxDelayMs } = this.#rules;
    return count < 2 ? 0 : Math.min(maxDelayMs, delayMs * 2 ** Math.min(count - 2, 30));
  }

  #recordOf(address: string): History | null {
    const network = networkOf(address);
    const record = this.#records.get(network);
    if (record === undefined) return null;
    const now = this.#patience.now();
    if (now - record.lastAt < this.#rules.forgetMs || record.bannedUntil > now) return record;
    this.#records.delete(network);
    return null;
  }

  #keep(network: string, record: History): void {
    this.#records.delete(network);
    while (this.#records.size >= this.#rules.maxAddresses) {
      const [oldest] = this.#records.keys();
      this.#records.delete(oldest!);
    }
    this.#records.set(network, record);
  }
}
