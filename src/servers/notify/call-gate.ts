import { LimitError } from '../../errors.ts';

interface GateLimits {
  readonly maxCalls: number;
  readonly maxCallsPerTarget: number;
  readonly maxWaiting: number;
}

interface Queue {
  active: number;
  readonly waiting: (() => void)[];
}

/** Lets so many calls through at once, overall and to one target; others wait in order, so many at most. */
export class CallGate {
  readonly #limits: () => GateLimits;
  readonly #queues = new Map<string, Queue>();
  #active = 0;
  #waiting = 0;

  /** @param limits those of the moment */
  constructor(limits: () => GateLimits) {
    this.#limits = limits;
  }

  /**
   * Waits for its turn; the function that it resolves with ends it.
   * @throws LimitError when too many wait; the reason of `signal` when that comes first
   */
  async enter(target: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const queue = this.#queueOf(target);
    if (!this.#hasRoom(queue)) await this.#wait(queue, signal);
    else this.#begin(queue);
    return () => {
      queue.active--;
      this.#active--;
      this.#admit();
    };
  }

  #queueOf(target: string): Queue {
    let queue = this.#queues.get(target);
    if (queue === undefined) {
      queue = { active: 0, waiting: [] };
      this.#queues.set(target, queue);
    }
    return queue;
  }

  #hasRoom({ active }: Queue): boolean {
    const { maxCalls, maxCallsPerTarget } = this.#limits();
    return this.#active < maxCalls && active < maxCallsPerTarget;
  }

  #begin(queue: Queue): void {
    queue.active++;
    this.#active++;
  }

  #wait(queue: Queue, signal: AbortSignal): Promise<void> {
    const { maxWaiting } = this.#limits();
    if (this.#waiting >= maxWaiting) {
      const message = `${this.#waiting} decisions wait; notify.maxWaitingDecisions are allowed`;
      throw new LimitError('notify.maxWaitingDecisions', message);
    }
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', leave);
        this.#waiting--;
        this.#begin(queue);
        resolve();
      };
      const leave = () => {
        queue.waiting.splice(queue.waiting.indexOf(begin), 1);
        this.#waiting--;
        reject(signal.reason as Error);
      };
      this.#waiting++;
      queue.waiting.push(begin);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #admit(): void {
    for (const queue of this.#queues.values()) {
      while (queue.waiting.length > 0 && this.#hasRoom(queue)) queue.waiting.shift()?.();
    }
  }
}
