import type { Context } from '../../core/context.ts';
import { Session, type SessionOrigin, type SessionTarget } from '../../core/session.ts';

/** What is known of a request once its address was checked. */
export interface FlvRequest {
  readonly origin: SessionOrigin;
  readonly target: SessionTarget;
}

/** A viewer or a publisher of FLV over HTTP or a WebSocket. */
export abstract class FlvSession extends Session {
  readonly context: Context;
  readonly target: SessionTarget;

  constructor(context: Context, request: FlvRequest) {
    super(context, request.origin);
    this.context = context;
    this.target = request.target;
    this.setTarget(request.target);
  }
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
