import type { Advice } from '../../core/stream-statistics.ts';
import type { DoctorConfig } from './config.ts';
import type { Finding } from './diagnose.ts';

interface Record {
  finding: Finding;
  /** Milliseconds of a clock that only goes forward. */
  foundAt: number;
  seenAt: number;
  /** `null`: not said yet. */
  advice: Advice | null;
}

export interface Change {
  readonly state: 'raised' | 'cleared';
  readonly advice: Advice;
  /** Of `raised`: for the first time in this publish. */
  readonly isNew: boolean;
}

/** Turns findings of single moments into advice: what lasts is said, what has been well for long enough is taken back. */
export class Patience {
  readonly #records = new Map<string, Record>();
  readonly #said = new Set<string>();

  /** What is wrong now, as far as it has lasted; its figures are the newest. */
  get advice(): readonly Advice[] {
    return [...this.#records.values()].flatMap(({ advice }) => advice ?? []);
  }

  /**
   * The findings of a moment.
   * @param times `now` in milliseconds of a clock that only goes forward, `unix` in unix milliseconds
   */
  take(
    findings: readonly Finding[],
    times: { readonly now: number; readonly unix: number },
    { raiseMs, clearMs }: Pick<DoctorConfig, 'raiseMs' | 'clearMs'>,
  ): Change[] {
    const changes: Change[] = [];
    const { now, unix } = times;
    for (const finding of findings) {
      const record = this.#recordOf(finding, now);
      if (record.advice !== null) {
        record.advice = { ...finding, since: record.advice.since };
      } else if (now - record.foundAt >= raiseMs) {
        record.advice = { ...finding, since: Math.round(unix - (now - record.foundAt)) };
        changes.push({ state: 'raised', advice: record.advice, isNew: !this.#said.has(finding.code) });
        this.#said.add(finding.code);
      }
    }
    for (const [code, { seenAt, advice }] of this.#records) {
      if (seenAt === now || (advice !== null && now - seenAt < clearMs)) continue;
      this.#records.delete(code);
      if (advice !== null) changes.push({ state: 'cleared', advice, isNew: false });
    }
    return changes;
  }

  #recordOf(finding: Finding, now: number): Record {
    let record = this.#records.get(finding.code);
    if (record === undefined) {
      record = { finding, foundAt: now, seenAt: now, advice: null };
      this.#records.set(finding.code, record);
    }
    record.finding = finding;
    record.seenAt = now;
    return record;
  }
}
