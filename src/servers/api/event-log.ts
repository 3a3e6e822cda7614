import { randomBytes } from 'node:crypto';

/** Events that are kept for readers who come back. */
export const MAX_EVENTS = 2000;
/** Bytes of them; whichever is met first. */
export const MAX_EVENT_BYTES = 1024 * 1024;
const RUN_BYTES = 6;

/** One event that was told, in the order of `seq`. */
export interface LoggedEvent {
  readonly seq: number;
  readonly name: string;
  /** JSON in one line. */
  readonly data: string;
}

/** What a reader who comes back has missed. */
export interface Missed {
  readonly events: readonly LoggedEvent[];
  /** Why he has to load everything anew; `null`: `events` is all that he missed. */
  readonly gap: 'forgotten' | 'restarted' | null;
}

/**
 * The last events of this run of the server. Ids are `<run>-<number>`: those of another run are recognised, and numbers go up
 * by one.
 */
export class EventLog {
  readonly #run = randomBytes(RUN_BYTES).toString('hex');
  readonly #events: LoggedEvent[] = [];
  #bytes = 0;
  #seq = 0;

  get lastId(): string {
    return this.idOf(this.#seq);
  }

  get size(): number {
    return this.#events.length;
  }

  idOf(seq: number): string {
    return `${this.#run}-${seq}`;
  }

  add(name: string, data: string): LoggedEvent {
    const event = { seq: ++this.#seq, name, data };
    this.#events.push(event);
    this.#bytes += data.length;
    while (this.#events.length > MAX_EVENTS || this.#bytes > MAX_EVENT_BYTES) {
      this.#bytes -= this.#events.shift()!.data.length;
    }
    return event;
  }

  /** What came after the event of this id. */
  since(id: string): Missed {
    const [, run, digits] = /^([0-9a-f]+)-(\d{1,15})$/.exec(id) ?? [];
    const seq = Number(digits);
    if (run !== this.#run || seq > this.#seq) return { events: [], gap: 'restarted' };
    const oldest = this.#seq - this.#events.length;
    if (seq < oldest) return { events: [], gap: 'forgotten' };
    return { events: this.#events.slice(seq - oldest), gap: null };
  }
}
