/** Every code that the API answers with, and its status. The reference is made from this. */
export const apiErrorCodes = {
  BAD_REQUEST: { status: 400, when: 'the request does not fit its schema; the message says which part' },
  UNAUTHORIZED: {
    status: 401,
    when: 'no token, or one that is wrong, has expired, was revoked, or belongs to a user who is gone',
  },
  INVALID_CREDENTIALS: { status: 401, when: 'the name or the password is wrong' },
  FORBIDDEN: { status: 403, when: 'the role of the user does not suffice' },
  NOT_FOUND: { status: 404, when: 'no such route, stream, session, recording' },
  METHOD_NOT_ALLOWED: { status: 405, when: 'the route is there, and takes other methods, which `Allow` names' },
  CONFLICT: { status: 409, when: 'not in this state: it is being recorded already, it goes on still' },
  PRECONDITION_FAILED: { status: 412, when: 'the file is not the one that `If-Match` or `If-Unmodified-Since` names' },
  TOO_LARGE: { status: 413, when: 'the body is too large' },
  UNSUPPORTED: { status: 415, when: 'a body in a type or an encoding that is not known' },
  RANGE_NOT_SATISFIABLE: { status: 416, when: 'the file has no part that `Range` asks for' },
  TOO_MANY_REQUESTS: { status: 429, when: 'too many attempts to sign in; `Retry-After` says when to try again' },
  INTERNAL: { status: 500, when: 'the server failed; its log says more' },
  UNAVAILABLE: { status: 503, when: 'what is asked for is switched off, or the server is stopping' },
} as const satisfies Record<string, { readonly status: number; readonly when: string }>;

export type ApiErrorCode = keyof typeof apiErrorCodes;
