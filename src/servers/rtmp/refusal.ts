import { AbsentError, BusyError, DeniedError } from '../../errors.ts';
import type { RtmpSession } from './rtmp-session.ts';

/** Of a player's path only: whether it is one that is hidden is nobody's business. */
export function inItsWords(session: RtmpSession, reason: Error): string {
  if (!(reason instanceof AbsentError)) return reason.message;
  return reason.message.replace(`${session.streamPath} `, () => `${session.requestedPath} `);
}

/** The status that says it. */
export function refusalCode(action: 'publish' | 'play', reason: Error): string {
  if (action === 'play') {
    return reason instanceof AbsentError ? 'NetStream.Play.StreamNotFound' : 'NetStream.Play.Failed';
  }
  const isNameTaken = reason instanceof BusyError || reason instanceof DeniedError;
  return isNameTaken ? 'NetStream.Publish.BadName' : 'NetStream.Publish.Rejected';
}
