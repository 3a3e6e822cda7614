import { TimeoutError } from '../../errors.ts';
import { decodeError, type ErrorData } from './error-data.ts';

interface Pending<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: Error) => void;
  readonly timer: NodeJS.Timeout | null;
}

/** Questions to another process that wait for their answers; `Answer` is what comes with a yes. */
export class Questions<Answer = void> {
  readonly #pending = new Map<number, Pending<Answer>>();
  #count = 0;
  #end: Error | null = null;

  /**
   * Sends a question under a number of its own; resolves with yes.
   * @param timeoutMs 0: the answer may take as long as it likes
   * @throws the error that was answered; TimeoutError; the reason given to `rejectAll`.
   */
  ask(send: (question: number) => void, timeoutMs = 0): Promise<Answer> {
    if (this.#end !== null) return Promise.reject(this.#end);
    const question = ++this.#count;
    return new Promise((resolve, reject) => {
      const late = () => {
        this.#pending.delete(question);
        reject(new TimeoutError('cluster', `a process of this server did not answer within ${timeoutMs} ms`));
      };
      const timer = timeoutMs > 0 ? setTimeout(late, timeoutMs) : null;
      this.#pending.set(question, { resolve, reject, timer });
      send(question);
    });
  }

  /** An answer came; one that nobody waits for any more is dropped. */
  answer(question: number, error: ErrorData | null, answer: Answer): void {
    const pending = this.#take(question);
    if (error === null) pending?.resolve(answer);
    else pending?.reject(decodeError(error));
  }

  /** The other process is gone: no question is answered any more. */
  rejectAll(reason: Error): void {
    this.#end = reason;
    for (const question of [...this.#pending.keys()]) this.#take(question)?.reject(reason);
  }

  #take(question: number): Pending<Answer> | undefined {
    const pending = this.#pending.get(question);
    this.#pending.delete(question);
    if (pending?.timer != null) clearTimeout(pending.timer);
    return pending;
  }
}
