import { AbsentError, BusyError, DeniedError } from '../../errors.ts';

/** The status that says why a publish or play is refused, or has ended. */
export function refusalCode(action: 'publish' | 'play', reason: Error): string {
  if (action === 'play') {
    return reason instanceof AbsentError ? 'NetStream.Play.StreamNotFound' : 'NetStream.Play.Failed';
  }
  const isNameTaken = reason instanceof BusyError || reason instanceof DeniedError;
  return isNameTaken ? 'NetStream.Publish.BadName' : 'NetStream.Publish.Rejected';
}
