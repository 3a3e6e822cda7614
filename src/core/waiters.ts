import type { Session } from './session.ts';

interface Waiter {
  readonly resolve: () => void;
}

/** Those who wait for a stream to be published. */
export class Waiters {
  readonly #waiters = new Set<Waiter>();

  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Resolves when the stream is there. Rejects with `absent()` after `waitMs` (-1: never), with its close reason when the
   * session ends first.
   */
  wait(session: Session, waitMs: number, absent: () => Error): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | null = null;
      const { signal } = session;
      const done = () => {
        if (timer !== null) clearTimeout(timer);
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        resolve: () => {
          done();
          resolve();
        },
      };
      const fail = (reason: Error) => {
        done();
        reject(reason);
      };
      const onAbort = () => fail(session.closeReason ?? absent());
      signal.addEventListener('abort', onAbort);
      if (waitMs > 0) timer = setTimeout(() => fail(absent()), waitMs);
      this.#waiters.add(waiter);
    });
  }

  /** The stream is there. */
  resolveAll(): void {
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }
}
