import { randomBytes } from 'node:crypto';

/** Events that are kept for readers who come back. */
export const MAX_EVENTS = 2000;
/** Bytes of them; whichever is met first. */
export const MAX_EVENT_BYTES = 1024 * 1024;
const RUN_BYTES = 6;

/** One event that was told, in the order of `seq`. Its words are made for the first who reads them: often nobody does. */
export class LoggedEvent {
  readonly seq: number;
  readonly name: string;
  readonly bytes: number;
  readonly #fields: object;
  #data: string | null = null;

  constructor(seq: number, { name, fields, bytes }: EventDraft) {
    this.seq = seq;
    this.name = name;
    this.bytes = bytes;
    this.#fields = fields;
  }

  /** JSON in one line. */
  get data(): string {
    this.#data ??= JSON.stringify(this.#fields);
    return this.#data;
  }
}

/** What is to be told. */
export interface EventDraft {
  readonly name: string;
  /** Nobody changes it later. */
  readonly fields: object;
  /** About as many as its words will have. */
  readonly bytes: number;
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

  add(draft: EventDraft): LoggedEvent {
    const event = new LoggedEvent(++this.#seq, draft);
    this.#events.push(event);
    this.#bytes += event.bytes;
    while (this.#events.length > MAX_EVENTS || this.#bytes > MAX_EVENT_BYTES) {
      this.#bytes -= this.#events.shift()!.bytes;
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
