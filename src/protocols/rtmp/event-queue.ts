/** First in, first out, at the same cost for any length: one aggregate can hold a hundred thousand packets. */
export class EventQueue<Event> {
  #events: Event[] = [];
  #head = 0;

  /** Adds at the end. */
  push(event: Event): void {
    this.#events.push(event);
  }

  /** The oldest; `null` when there is none. */
  take(): Event | null {
    if (this.#head === this.#events.length) return null;
    const event = this.#events[this.#head++]!;
    if (this.#head === this.#events.length) {
      this.#events = [];
      this.#head = 0;
    }
    return event;
  }
}
