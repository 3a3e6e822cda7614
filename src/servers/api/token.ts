import type { Request, RequestHandler } from 'express';
import { jwtVerify, SignJWT } from 'jose';
import type { CoreConfig } from '../../core/config.ts';
import { ApiError } from './api-error.ts';

type JwtConfig = CoreConfig['auth']['jwt'];
export type ApiUser = JwtConfig['users'][number];

const ALGORITHM = 'HS256';

function keyOf(config: JwtConfig): Uint8Array {
  return new TextEncoder().encode(config.secret);
}

/** A token for `username`, valid for `auth.jwt.expiresIn`. */
export function signToken(config: JwtConfig, username: string): Promise<string> {
  return new SignJWT({ username })
    .setProtectedHeader({ alg: ALGORITHM })
    .setIssuedAt()
    .setExpirationTime(config.expiresIn)
    .sign(keyOf(config));
}

function offeredToken(request: Request): string | null {
  const match = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '');
  if (match !== null) return match[1]!;
  const { token } = request.query;
  return typeof token === 'string' && token !== '' ? token : null;
}

function unauthorized(cause?: unknown): ApiError {
  return new ApiError(401, 'UNAUTHORIZED', 'Invalid or missing authentication token', {
    headers: { 'WWW-Authenticate': 'Bearer' },
    cause,
  });
}

async function userOf(config: JwtConfig, token: string): Promise<ApiUser> {
  const { payload } = await jwtVerify(token, keyOf(config), {
    algorithms: [ALGORITHM],
    requiredClaims: ['exp'],
  }).catch((error: unknown) => {
    throw unauthorized(error);
  });
  // A user who was removed keeps no access, whatever his token says.
  const user = config.users.find(({ username }) => username === payload['username']);
  if (user === undefined) throw unauthorized();
  return user;
}

/** Lets pass who brings a valid token (`Authorization: Bearer` or `?token=`); the user is in `response.locals.user`. */
export function requireToken(config: JwtConfig): RequestHandler {
  return async (request, response, next) => {
    const token = offeredToken(request);
    if (token === null) throw unauthorized();
    response.locals['user'] = await userOf(config, token);
    next();
  };
}

/** Behind `requireToken`: lets pass who has the role. */
export function requireRole(role: ApiUser['role']): RequestHandler {
  return (_request, response, next) => {
    const user = response.locals['user'] as ApiUser;
    if (user.role !== role) throw new ApiError(403, 'FORBIDDEN', `The role "${role}" is needed.`);
    next();
  };
}
