import type { Session } from './session.ts';
import type { StreamPath } from './stream-path.ts';

/**
 * Which process has which stream: a path is published in one process at a time. Within one process there is no need for
 * one; several processes behind the same doors share it, and several machines could.
 */
export interface StreamRegistry {
  /**
   * Takes the path for a publisher that is let in here. Who held it elsewhere gives way by the rules of takeover, stall and
   * grace, or stays.
   * @throws BusyError when it stays.
   */
  claim(streamPath: StreamPath, session: Session): Promise<void>;
  /** The claimed stream flows here from now on: others may fetch it. */
  announce(streamPath: StreamPath): void;
  /** Nobody publishes the path here any more, and no place is kept. */
  release(streamPath: StreamPath): void;
}
