import type { Context } from '../../core/context.ts';
import type { Session, SessionId } from '../../core/session.ts';
import { ClosedError } from '../../errors.ts';
import { ApiError } from './api-error.ts';
import type { Rates } from './rates.ts';

function describeSession(session: Session, rates: Rates) {
  return {
    id: session.id,
    ip: session.ip,
    protocol: session.protocol,
    type: session.role,
    isPublisher: session.isPublisher,
    app: session.streamApp,
    name: session.streamName,
    streamPath: session.streamPath,
    userAgent: session.userAgent,
    createTime: session.createTime,
    inBytes: session.inBytes,
    outBytes: session.outBytes,
    ...rates.of(session),
    backlogBytes: session.backlogBytes,
    droppedFrames: session.droppedFrames,
  };
}

/** `GET /sessions`. */
export function listSessions(context: Context, rates: Rates) {
  const sessions = [...context.sessions.values()].map((session) => describeSession(session, rates));
  return { sessions, total: sessions.length };
}

/** `DELETE /sessions/:id`: ends the session at once; a publisher's place is not kept. */
export function kickSession(context: Context, id: string, by: string): void {
  const session = context.sessions.get(id as SessionId);
  if (session === undefined) throw new ApiError(404, 'NOT_FOUND', 'Session not found');
  session.log('info', 'kicked', { by });
  session.close(new ClosedError('closed by the operator'));
}
