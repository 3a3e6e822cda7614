import { z } from 'zod';
import { MAX_TIMER_MS } from './deadline.ts';
import { isPathPattern } from './path-pattern.ts';
import { hashStreamKeys } from './stream-keys.ts';

const millis = (fallback: number, help: string) => z.number().int().min(0).default(fallback).describe(help);

/** The least that an HMAC-SHA256 key may have (RFC 7518, 3.2). */
const MIN_TOKEN_SECRET_LENGTH = 32;
/** FFmpeg cuts longer names and passwords off. */
const MAX_CREDENTIAL_LENGTH = 49;

/** Days that a token of the API may be good: a hundred years are a mistake, or as good as for ever. */
const MAX_TOKEN_LIFE_DAYS = 36_600;

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `24h` in seconds. */
export function secondsOf(life: string): number {
  return Number(life.slice(0, -1)) * SECONDS[life.slice(-1) as keyof typeof SECONDS];
}

const life = (fallback: string, help: string) =>
  z
    .string()
    .regex(/^\d+[smhd]$/, 'a number followed by s, m, h or d')
    .refine(
      (text) => secondsOf(text) >= 1 && secondsOf(text) <= MAX_TOKEN_LIFE_DAYS * SECONDS.d,
      `a time from 1s to ${MAX_TOKEN_LIFE_DAYS}d`,
    )
    .default(fallback)
    .describe(help);

const user = z.strictObject({
  username: z.string().min(1).describe('the name to sign in with'),
  password: z
    .string()
    .default('')
    .describe('a scrypt hash, or a plain password that is hashed at the next start; empty: one is made'),
  role: z.enum(['admin', 'viewer']).default('admin').describe('what the user may do'),
});

const jwt = z
  .strictObject({
    secret: z.string().default('').describe('the key that signs API tokens; empty: one is made'),
    expiresIn: life('24h', 'life of an API token: a number followed by s, m, h or d'),
    refreshExpiresIn: life('7d', 'life of a refresh token, written like `expiresIn`'),
    algorithm: z.literal('HS256').default('HS256').describe('how API tokens are signed'),
    users: z
      .array(user)
      .default([{ username: 'admin', password: '', role: 'admin' }])
      .describe('who may sign in'),
  })
  .prefault({})
  .describe('tokens and users of the API');

/** A message never says which key is wrong: keys are secrets. */
const streamKeys = z
  .record(
    z.string(),
    z.custom<string>(() => true),
  )
  .superRefine((keys, check) => {
    for (const [index, [key, place]] of Object.entries(keys).entries()) {
      if (key !== '' && typeof place === 'string' && isPathPattern(place)) continue;
      const message = `for each key a path (/live/alice) or a pattern (/live/*), which entry ${index + 1} has not,`;
      check.addIssue({ code: 'custom', message, path: [] });
      return;
    }
  })
  .transform(hashStreamKeys)
  .prefault({})
  .describe(
    'stream keys, or their hashes (sha256:…), and the path that each publishes to; a pattern: what ?key= opens',
  );

const pathPatterns = z
  .array(z.string().refine(isPathPattern, 'a path (/live/alice) or a pattern (/live/*)'))
  .default(['/*/*']);

const publisher = z.strictObject({
  username: z
    .string()
    .regex(/^[\p{L}\p{N}._~@+-]+$/u, 'a text of letters, digits and . _ ~ @ + -')
    .max(MAX_CREDENTIAL_LENGTH)
    .describe('the name'),
  password: z
    .string()
    .min(1)
    .max(MAX_CREDENTIAL_LENGTH)
    .describe('the plain password, which authmod=adobe needs; 49 characters at most'),
  paths: pathPatterns.describe('what the user may publish: paths, or patterns where * is one part'),
  play: z.boolean().default(false).describe('whether the user may play these too'),
});

function areUnique(publishers: readonly z.output<typeof publisher>[]): boolean {
  return new Set(publishers.map(({ username }) => username)).size === publishers.length;
}

const algorithm = z.enum(['HS256', 'RS256', 'ES256', 'EdDSA']);
/** Who signs decides how: a public key never serves as an HMAC key. */
const wrongAlgorithms = 'HS256 with a secret, or RS256, ES256 and EdDSA with keyFile or jwksUrl,';

const claims = z
  .strictObject({
    action: z.string().min(1).default('action').describe('the claim that says publish or play, or lists both'),
    path: z.string().min(1).default('path').describe('the claim with a path, a pattern (/live/*) or a list of them'),
    user: z.string().min(1).default('sub').describe('the claim that becomes session.user'),
  })
  .prefault({})
  .describe('the names of the claims');

const token = z
  .strictObject({
    secret: z
      .string()
      .refine(
        (text) => text === '' || text.length >= MIN_TOKEN_SECRET_LENGTH,
        'none, or a text of 32 characters or more,',
      )
      .default('')
      .describe('the key of HS256, 32 characters or more'),
    keyFile: z.string().default('').describe('a PEM file with the public key (RS256, ES256, EdDSA)'),
    jwksUrl: z
      .union([z.literal(''), z.url({ protocol: /^https?$/ })])
      .default('')
      .describe('where public keys are fetched (a JSON Web Key Set), again when they change'),
    algorithms: z.array(algorithm).default([]).describe('the only ones accepted; empty: what fits secret or keys'),
    issuer: z.string().default('').describe('what the claim iss must be; empty: anything'),
    audience: z.string().default('').describe('what the claim aud must have; empty: anything'),
    clockToleranceS: z.number().int().min(0).default(5).describe('seconds by which clocks may differ'),
    claims,
  })
  .superRefine(({ secret, keyFile, jwksUrl, algorithms }, check) => {
    const sources = [secret, keyFile, jwksUrl].filter((source) => source !== '');
    if (sources.length > 1) {
      check.addIssue({ code: 'custom', message: 'only one of secret, keyFile and jwksUrl', path: [] });
      return;
    }
    const isShared = secret !== '';
    if (sources.length === 1 && algorithms.some((name) => (name === 'HS256') !== isShared)) {
      check.addIssue({ code: 'custom', message: wrongAlgorithms, path: ['algorithms'] });
    }
  })
  .prefault({})
  .describe('tokens (JWT) for publishers and players: on with one of secret, keyFile and jwksUrl');

/** Are tokens switched on? */
export function hasTokens(config: z.output<typeof token>): boolean {
  return config.secret !== '' || config.keyFile !== '' || config.jwksUrl !== '';
}

const apps = z.array(z.string().min(1)).default([]);

const askPassword = z
  .strictObject({
    publishers: apps.describe('apps (or *) where every RTMP encoder must sign in with user and password'),
    players: apps.describe('apps (or *) where every other RTMP client must'),
  })
  .prefault({})
  .describe('where RTMP connections are asked for user and password (authmod=adobe)');

const failures = z
  .strictObject({
    delayMs: millis(
      250,
      'how long the refusal of the second wrong credential is held back; then twice as long each time',
    ),
    maxDelayMs: z
      .number()
      .int()
      .min(0)
      .max(MAX_TIMER_MS)
      .default(4_000)
      .describe('how long a refusal is held back at most'),
    banAfter: z.number().int().min(0).default(0).describe('wrong credentials that shut an address out; 0: never'),
    banMs: millis(600_000, 'how long an address is shut out'),
    forgetMs: millis(900_000, 'time without a wrong credential after which an address is forgiven'),
    maxAddresses: z.number().int().min(1).default(10_000).describe('addresses remembered'),
  })
  .prefault({})
  .describe('how wrong credentials are slowed down, by address');

/** The `auth` section. */
export const authSection = z
  .strictObject({
    play: z.boolean().default(false).describe('players need a credential: a signed address, a token, a password'),
    publish: z.boolean().default(false).describe('publishers need a credential, which may also be a stream key'),
    secret: z.string().default('').describe('the key that signs stream addresses; empty: one is made'),
    md5: z.boolean().default(true).describe('also accept the MD5 signatures of Node-Media-Server 4'),
    streamKeys,
    token,
    publishers: z
      .array(publisher)
      .refine(areUnique, 'a list in which each username occurs once')
      .default([])
      .describe('users who publish with name and password (authmod=adobe)'),
    askPassword,
    failures,
    jwt,
  })
  .prefault({})
  .describe('who may publish, play and use the API');
