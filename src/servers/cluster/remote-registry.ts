import type { Session } from '../../core/session.ts';
import type { StreamPath } from '../../core/stream-path.ts';
import type { StreamRegistry } from '../../core/stream-registry.ts';
import type { Pass, StreamPlace, ToPrimary } from './messages.ts';
import type { Questions } from './questions.ts';

/** The registry as a worker has it: the primary decides; where each stream is, is known here. */
export class RemoteRegistry implements StreamRegistry {
  /** The streams that other workers have. */
  readonly elsewhere = new Map<StreamPath, StreamPlace>();
  readonly #worker: number;
  readonly #send: (message: ToPrimary) => void;
  readonly #questions: Questions<Pass | null>;

  constructor(worker: number, send: (message: ToPrimary) => void, questions: Questions<Pass | null>) {
    this.#worker = worker;
    this.#send = send;
    this.#questions = questions;
  }

  async claim(streamPath: StreamPath, session: Session): Promise<void> {
    await this.#questions.ask((question) => this.#send({ kind: 'claim', question, streamPath, by: session.ip }));
  }

  announce(streamPath: StreamPath): void {
    this.#send({ kind: 'announced', streamPath });
  }

  release(streamPath: StreamPath): void {
    this.#send({ kind: 'released', streamPath });
  }

  /** The local socket of the other worker that has the stream. */
  locate(streamPath: StreamPath): string | null {
    return this.elsewhere.get(streamPath)?.innerPath ?? null;
  }

  /** A stream is somewhere; says whether that is another worker. */
  learn(place: StreamPlace): boolean {
    if (place.worker === this.#worker) {
      this.elsewhere.delete(place.streamPath);
      return false;
    }
    this.elsewhere.set(place.streamPath, place);
    return true;
  }

  forget(streamPath: StreamPath, worker: number): void {
    if (this.elsewhere.get(streamPath)?.worker === worker) this.elsewhere.delete(streamPath);
  }
}
