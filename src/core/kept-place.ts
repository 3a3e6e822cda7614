import type { Session } from './session.ts';

/** A publisher who is away, and why. */
export interface Absence {
  readonly session: Session;
  readonly reason: Error;
  /** Gone to another process: his `donePublish` has been told, and nobody may fetch the stream from here. */
  readonly hasMoved: boolean;
}

/** The place of a publisher who is away: kept for a while, then over. */
export class KeptPlace {
  #absence: Absence | null = null;
  #timer: NodeJS.Timeout | null = null;

  get absence(): Absence | null {
    return this.#absence;
  }

  /** Calls `onOver` unless the place is freed within `ms`. */
  keep(absence: Absence, ms: number, onOver: () => void): void {
    this.free();
    this.#absence = absence;
    this.#timer = setTimeout(onOver, ms);
  }

  free(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#absence = null;
  }
}
