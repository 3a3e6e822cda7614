/** Pings that may stay unanswered, with no other byte coming, before the peer counts as gone. */
export const MAX_MISSED_PINGS = 3;

/** Whether a peer lives: it sends something, or takes what we send (many players never answer a ping). */
export class Pulse {
  #lastHeardAt = Date.now();
  /** Has a byte come since the last check? The clock is not asked for each. */
  #hasHeard = false;
  #missedPings = 0;
  #takenBytes = 0;

  /** A byte came. */
  hear(): void {
    this.#hasHeard = true;
  }

  /**
   * About once a second: what to think of the peer.
   * @param takenBytes all that the system has taken for the peer so far
   * @param intervalMs silence after which it is to be asked
   */
  check(takenBytes: number, intervalMs: number): 'lives' | 'ask' | 'gone' {
    if (this.#hasHeard || takenBytes !== this.#takenBytes) {
      this.#lastHeardAt = Date.now();
      this.#missedPings = 0;
    }
    this.#hasHeard = false;
    this.#takenBytes = takenBytes;
    if (Date.now() - this.#lastHeardAt < intervalMs * (this.#missedPings + 1)) return 'lives';
    return this.#missedPings >= MAX_MISSED_PINGS ? 'gone' : 'ask';
  }

  /** It was asked; the question itself is no sign of life. */
  asked(takenBytes: number): void {
    this.#missedPings++;
    this.#takenBytes = takenBytes;
  }
}
