import { AbsentError, NmsError } from '../errors.ts';

/** A session, with the path that its peer asked for, which the session itself may hide or have left. */
export interface Asker {
  readonly streamPath: string;
  readonly requestedPath: string;
}

/**
 * Why, in the words of the peer: of an absent stream, the path that he said. Whether another stands for it, and what went
 * wrong in here, is nobody's business.
 */
export function inPeersWords({ streamPath, requestedPath }: Asker, reason: Error): string {
  if (!(reason instanceof NmsError)) return 'the server failed; its log says more';
  if (!(reason instanceof AbsentError)) return reason.message;
  return reason.message.replace(`${streamPath} `, () => `${requestedPath} `);
}
