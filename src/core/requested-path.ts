import { AbsentError } from '../errors.ts';

/** A session, with the path that its peer asked for, which the session itself may hide or have left. */
export interface Asker {
  readonly streamPath: string;
  readonly requestedPath: string;
}

/** Why, in the words of the peer: of an absent stream, the path that he said. Whether another stands for it is nobody's business. */
export function inPeersWords({ streamPath, requestedPath }: Asker, reason: Error): string {
  if (!(reason instanceof AbsentError)) return reason.message;
  return reason.message.replace(`${streamPath} `, () => `${requestedPath} `);
}
