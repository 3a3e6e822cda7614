/** How long to wait until the kinds of tracks are known: FLV headers say which ones follow. */
export class TrackWait {
  readonly #onKnown: () => void;
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;

  /** @param onKnown called once per stream, when all is known or the wait is over. */
  constructor(onKnown: () => void) {
    this.#onKnown = onKnown;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Starts the wait; it is under way already, or over, in later calls. */
  begin(ms: number): void {
    if (!this.#isOver) this.#timer ??= setTimeout(() => this.end(), ms);
  }

  /** All is known. */
  end(): void {
    if (this.#isOver) return;
    this.reset();
    this.#isOver = true;
    this.#onKnown();
  }

  /** Another stream begins. */
  reset(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isOver = false;
  }
}
