import { hasTokens } from '../../core/config-auth.ts';
import type { Context } from '../../core/context.ts';
import { Session, type SessionOrigin, type SessionTarget } from '../../core/session.ts';
import { playTarget, publishTarget } from '../../core/stream-keys.ts';

/** What is known of a request once its address was checked. */
export interface FlvRequest {
  readonly origin: SessionOrigin;
  readonly target: SessionTarget & { readonly bearer?: string | null };
}

/** A token in a header is the same as one in the address, where the configuration knows tokens. */
function withBearer(context: Context, { target }: FlvRequest): SessionTarget {
  const { bearer = null, ...rest } = target;
  if (bearer === null || !hasTokens(context.config.auth.token)) return rest;
  const query = Object.assign(Object.create(null) as Record<string, string>, { token: bearer }, rest.query);
  return { ...rest, query };
}

/** A viewer or a publisher of FLV over HTTP or a WebSocket. */
export abstract class FlvSession extends Session {
  readonly context: Context;
  /** What it asked for; where that may be a stream key, the stream in its place. */
  readonly target: SessionTarget;
  /** The path as the peer said it. */
  readonly requestedPath: string;

  constructor(context: Context, request: FlvRequest, action: 'publish' | 'play' = 'play') {
    super(context, request.origin);
    this.context = context;
    this.requestedPath = request.target.address.path;
    const { auth } = context.config;
    const asked = withBearer(context, request);
    this.target = action === 'publish' ? publishTarget(auth, asked, '') : playTarget(auth, asked);
    this.setTarget(this.target);
  }
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
