/** First in, first out, at the same cost for any length: one aggregate can hold a hundred thousand packets. */
export class EventQueue<Event> {
  /** Mostly there is one. */
  #only: Event | null = null;
  #events: Event[] = [];
  #head = 0;

  /** Adds at the end. */
  push(event: Event): void {
    if (this.#only === null && this.#events.length === 0) this.#only = event;
    else this.#events.push(event);
  }

  /** The oldest; `null` when there is none. */
  take(): Event | null {
    const only = this.#only;
    if (only !== null) {
      this.#only = null;
      return only;
    }
    if (this.#head === this.#events.length) return null;
    const event = this.#events[this.#head++]!;
    if (this.#head === this.#events.length) {
      this.#events = [];
      this.#head = 0;
    }
    return event;
  }
}
