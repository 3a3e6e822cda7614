import type { Logger } from '../../core/logger.ts';
import { ConnectionError } from '../../errors.ts';
import type { EndStep } from './messages.ts';
import type { WorkerProcess } from './worker-process.ts';

/** How long a worker may take to end after all steps, before it is killed. */
const STOP_MS = 5_000;

/** Takes workers through their end, all of them through each step before the next. */
export class WorkersEnd {
  readonly #logger: Logger;
  readonly #workers: ReadonlySet<WorkerProcess>;
  /** Those that did not get through a step in time: they are waited for no more, and killed after the last one. */
  readonly #stuck = new Set<WorkerProcess>();

  constructor(logger: Logger, workers: ReadonlySet<WorkerProcess>) {
    this.#logger = logger;
    this.#workers = workers;
  }

  /** Resolves when all have done it, or have had their time. */
  async step(step: EndStep, timeoutMs: number): Promise<void> {
    const workers = [...this.#workers].filter((worker) => worker.isReady && !this.#stuck.has(worker));
    await Promise.all(workers.map((worker) => this.#step(worker, step, timeoutMs)));
  }

  async #step(worker: WorkerProcess, step: EndStep, timeoutMs: number): Promise<void> {
    try {
      await worker.goTowardsEnd(step, timeoutMs);
    } catch (error) {
      // It has ended already.
      if (error instanceof ConnectionError) return;
      this.#stuck.add(worker);
      this.#logger.warn({ worker: worker.number, err: error, step }, 'a worker does not stop in time');
    }
  }

  /** The last step; resolves when all processes have ended. */
  async finish(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => this.#finish(worker)));
  }

  async #finish(worker: WorkerProcess): Promise<void> {
    if (worker.isReady) worker.send({ kind: 'stop' });
    else worker.kill();
    const timer = setTimeout(() => {
      this.#logger.warn({ worker: worker.number }, `worker ${worker.number} did not end in time: killed`);
      worker.kill();
    }, STOP_MS);
    await worker.end;
    clearTimeout(timer);
  }
}
