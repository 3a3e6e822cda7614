import { z } from 'zod';
import type { Accounts } from '../accounts.ts';
import { type Asked, type Operation, operation } from '../operation.ts';
import type { Bearer } from '../tokens.ts';

/** Characters of a user's name in a request. */
const MAX_NAME_LENGTH = 256;
/** Characters of a password in a request. */
const MAX_PASSWORD_LENGTH = 1024;
/** What Node-Media-Server asks for. */
const MIN_PASSWORD_LENGTH = 6;
/** Characters of a refresh token in a request. */
const MAX_TOKEN_LENGTH = 4096;

const NO_CHALLENGE = 'is missing: send username and password; signing in by challenge is not offered';
const needed = (words: string) => ({
  error: (issue: { readonly input?: unknown }) => (issue.input === undefined ? words : undefined),
});

const role = z.enum(['admin', 'viewer']).describe('`viewer` reads, `admin` may do everything');
const userSchema = z.object({ username: z.string(), role });

const pair = {
  token: z.string().describe('for `Authorization: Bearer …`'),
  user: userSchema,
  expiresIn: z.string().describe('how long the token is good: a number followed by s, m, h or d'),
  refreshToken: z.string().describe('good for one use in `POST /refresh`'),
  refreshExpiresIn: z.string().describe('how long the refresh token is good'),
};

/** Who asks, where an operation needs a token. */
function bearerOf({ user, claims }: Asked<unknown, unknown, unknown>): Bearer {
  if (user === null || claims === null) throw new Error('the operation is open to everybody and has no bearer');
  return { user, claims };
}

/** Signing in and out, tokens, passwords. */
export function accountOperations(accounts: Accounts): Operation[] {
  const tag = 'Account';
  return [
    operation({
      id: 'login',
      method: 'post',
      path: '/login',
      tag,
      summary: 'Signs in with user and password.',
      description:
        '10 requests a minute from one address; after 5 wrong passwords for a user that address is locked out for this user for 15 minutes.',
      access: 'open',
      limit: (ip, response) => accounts.limits.request(ip, response),
      body: z.object({
        username: z.string(needed(NO_CHALLENGE)).min(1).max(MAX_NAME_LENGTH),
        password: z.string(needed(NO_CHALLENGE)).min(1).max(MAX_PASSWORD_LENGTH),
      }),
      data: z.object(pair),
      message: 'Login successful',
      errors: ['INVALID_CREDENTIALS', 'TOO_MANY_REQUESTS'],
      handle: ({ ip, body }) => accounts.signIn(ip, body.username, body.password),
    }),
    operation({
      id: 'refresh',
      method: 'post',
      path: '/refresh',
      tag,
      summary: 'Exchanges a refresh token for a new pair of tokens.',
      description: 'A refresh token works once. When one comes a second time, all tokens of that sign-in are revoked.',
      access: 'open',
      body: z.object({ refreshToken: z.string().min(1).max(MAX_TOKEN_LENGTH) }),
      data: z.object(pair),
      message: 'Token refreshed',
      errors: ['UNAUTHORIZED'],
      handle: ({ ip, body }) => accounts.refresh(ip, body.refreshToken),
    }),
    operation({
      id: 'logout',
      method: 'post',
      path: '/logout',
      tag,
      summary: 'Revokes this token and every other of the same sign-in.',
      access: 'viewer',
      data: z.object({ username: z.string() }),
      message: 'Signed out',
      handle: (asked) => {
        const bearer = bearerOf(asked);
        accounts.signOut(bearer);
        return { username: bearer.user.username };
      },
    }),
    operation({
      id: 'changePassword',
      method: 'post',
      path: '/password',
      tag,
      summary: 'Changes one’s own password; all tokens of the user are worthless then.',
      access: 'viewer',
      body: z.object({
        oldPassword: z.string().min(1).max(MAX_PASSWORD_LENGTH).describe('the present one'),
        newPassword: z
          .string()
          .min(MIN_PASSWORD_LENGTH, `must be at least ${MIN_PASSWORD_LENGTH} characters`)
          .max(MAX_PASSWORD_LENGTH)
          .describe(`${MIN_PASSWORD_LENGTH} characters or more, and none that everybody knows`),
      }),
      data: z.object({
        username: z.string(),
        isKept: z
          .boolean()
          .describe('`false`: the configuration cannot be written, and the old password is back after a restart'),
      }),
      message: 'Password changed successfully, please log in again',
      errors: ['TOO_MANY_REQUESTS', 'UNAVAILABLE'],
      handle: (asked) => {
        const { oldPassword, newPassword } = asked.body;
        const { username } = bearerOf(asked).user;
        return accounts.changePassword(asked.ip, username, { old: oldPassword, new: newPassword });
      },
    }),
    operation({
      id: 'createEventsToken',
      method: 'post',
      path: '/events/token',
      tag,
      summary: 'Makes a token for the address of the events, where a browser can set no header.',
      access: 'viewer',
      data: z.object({
        token: z.string().describe('for `?token=…`, and nothing else'),
        expiresIn: z.string().describe('how long the events can be opened with it; they go on after that'),
      }),
      message: 'Events token',
      handle: (asked) => accounts.eventsToken(bearerOf(asked)),
    }),
  ];
}
