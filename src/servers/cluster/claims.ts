import type { StreamPath } from '../../core/stream-path.ts';
import { BusyError, ConnectionError } from '../../errors.ts';
import type { StreamPlace } from './messages.ts';

/** A worker, as far as it holds streams. */
export interface Claimant {
  readonly number: number;
  readonly innerPath: string;
  readonly hasEnded: boolean;
  /** @throws BusyError; ConnectionError when the worker died meanwhile. */
  mayYield(streamPath: StreamPath): Promise<void>;
  /** @throws BusyError; ConnectionError when the worker died meanwhile. */
  yieldPlace(streamPath: StreamPath, by: string): Promise<void>;
}

interface Holding {
  readonly holder: Claimant;
  readonly isAnnounced: boolean;
}

/** Which worker has which stream: the registry, in the primary. One claim of a path is decided at a time. */
export class Claims {
  readonly #holdings = new Map<StreamPath, Holding>();
  /** The last claim of each path that is being decided. */
  readonly #turns = new Map<StreamPath, Promise<void>>();

  /** Where every stream is that others may fetch. */
  get places(): StreamPlace[] {
    return [...this.#holdings]
      .filter(([, { isAnnounced }]) => isAnnounced)
      .map(([streamPath, { holder }]) => placeOf(streamPath, holder));
  }

  /** The local socket of the process that has the stream; `null` when nobody can fetch it. */
  locate(streamPath: StreamPath): string | null {
    const holding = this.#holdings.get(streamPath);
    return holding?.isAnnounced === true ? holding.holder.innerPath : null;
  }

  /**
   * Could this worker's publisher have the path?
   * @throws BusyError when another worker's publisher defends it.
   */
  async check(claimant: Claimant, streamPath: StreamPath): Promise<void> {
    const other = this.#otherHolder(claimant, streamPath);
    if (other !== null) await unlessDead(other.mayYield(streamPath));
  }

  /**
   * Gives the path to a worker.
   * @param by the publisher's address, for people
   * @throws BusyError when another worker's publisher defends it.
   */
  claim(claimant: Claimant, streamPath: StreamPath, by: string): Promise<void> {
    const before = this.#turns.get(streamPath) ?? Promise.resolve();
    const turn = before.then(() => this.#decide(claimant, streamPath, by));
    const settled: Promise<void> = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#turns.get(streamPath) === settled) this.#turns.delete(streamPath);
      });
    this.#turns.set(streamPath, settled);
    return turn;
  }

  /** The stream flows there; `null` when the path has gone to another worker meanwhile. */
  announce(claimant: Claimant, streamPath: StreamPath): StreamPlace | null {
    if (this.#holdings.get(streamPath)?.holder !== claimant) return null;
    this.#holdings.set(streamPath, { holder: claimant, isAnnounced: true });
    return placeOf(streamPath, claimant);
  }

  /** Nobody publishes the path there any more; says whether it was that worker's. */
  release(claimant: Claimant, streamPath: StreamPath): boolean {
    if (this.#holdings.get(streamPath)?.holder !== claimant) return false;
    return this.#holdings.delete(streamPath);
  }

  /** A worker has ended; the paths that it had. */
  releaseAll(claimant: Claimant): StreamPath[] {
    const paths = [...this.#holdings].filter(([, { holder }]) => holder === claimant).map(([streamPath]) => streamPath);
    for (const streamPath of paths) this.#holdings.delete(streamPath);
    return paths;
  }

  async #decide(claimant: Claimant, streamPath: StreamPath, by: string): Promise<void> {
    const other = this.#otherHolder(claimant, streamPath);
    if (other !== null) await unlessDead(other.yieldPlace(streamPath, by));
    if (claimant.hasEnded) throw new BusyError(`${streamPath} was claimed by a process that has ended`);
    if (this.#holdings.get(streamPath)?.holder === claimant) return;
    this.#holdings.set(streamPath, { holder: claimant, isAnnounced: false });
  }

  #otherHolder(claimant: Claimant, streamPath: StreamPath): Claimant | null {
    const holder = this.#holdings.get(streamPath)?.holder;
    return holder === undefined || holder === claimant || holder.hasEnded ? null : holder;
  }
}

function placeOf(streamPath: StreamPath, { number, innerPath }: Claimant): StreamPlace {
  return { streamPath, worker: number, innerPath };
}

/** A worker that dies while it is asked defends nothing. */
async function unlessDead(answer: Promise<void>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
  }
}
