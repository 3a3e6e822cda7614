import { createHash, randomBytes } from 'node:crypto';
import type { CoreConfig } from '../core/config.ts';
import { type ConfigInput, mergeConfig, nest } from '../core/config-schema.ts';
import { generatePassword, hashPassword, isPasswordHash, isWeakPassword } from '../core/password.ts';

/** A password made for a user, to be shown once. */
export interface GeneratedPassword {
  readonly username: string;
  readonly password: string;
}

/** A value to be put into the operator's file. */
export interface FileChange {
  /** The dotted path of the key that it is, or is a part of. */
  readonly key: string;
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

/** What was made before and is kept nowhere but here, by what it was made for. */
export type SecretMemory = ReadonlyMap<string, string>;

export interface PreparedSecrets {
  /** The configuration with every secret in place. */
  readonly config: ConfigInput;
  readonly passwords: readonly GeneratedPassword[];
  readonly changes: readonly FileChange[];
  /** Secrets that are known to everyone, by key. */
  readonly weak: readonly string[];
  /** Everything made or remembered, by the key that it is for. */
  readonly made: readonly { readonly key: string; readonly purpose: string; readonly value: string }[];
}

const USERS = 'auth.jwt.users';
const SIGNING_KEY_BYTES = 16;
const TOKEN_KEY_BYTES = 32;
/** Shipped by Node-Media-Server up to 4.2 in every configuration. */
const PUBLISHED_SECRETS = new Set(['nodemedia2017privatekey']);

interface Source {
  /** The whole configuration as merged, and the same one resolved. */
  readonly merged: ConfigInput;
  readonly auth: CoreConfig['auth'];
  /** What stands in the operator's file. */
  readonly document: ConfigInput;
  /** Keys (dotted) whose value is not the file's, so that nothing of theirs may be stored in it. */
  readonly foreignKeys: ReadonlySet<string>;
  /** So that a configuration that is read again gets the same secrets. */
  readonly memory?: SecretMemory;
}

function listsUsers(document: ConfigInput): boolean {
  const { auth } = document as { auth?: { jwt?: { users?: unknown } } };
  return auth?.jwt?.users !== undefined;
}

function purposeOf({ username, password }: CoreConfig['auth']['jwt']['users'][number]): string {
  return `${USERS} ${createHash('sha256')
    .update(JSON.stringify([username, password]))
    .digest('hex')}`;
}

async function prepareUsers(source: Source) {
  const passwords: GeneratedPassword[] = [];
  const made: { key: string; purpose: string; value: string }[] = [];
  const changes: FileChange[] = [];
  const users = [];
  for (const [index, user] of source.auth.jwt.users.entries()) {
    if (isPasswordHash(user.password)) {
      users.push(user);
      continue;
    }
    const purpose = purposeOf(user);
    let hash = source.memory?.get(purpose);
    if (hash === undefined) {
      const isWeak = isWeakPassword(user.password);
      const password = isWeak ? generatePassword() : user.password;
      if (isWeak) passwords.push({ username: user.username, password });
      hash = await hashPassword(password);
    }
    made.push({ key: USERS, purpose, value: hash });
    users.push({ ...user, password: hash });
    changes.push({ key: USERS, path: ['auth', 'jwt', 'users', index, 'password'], value: hash });
  }
  const areListed = changes.length === 0 || listsUsers(source.document);
  return {
    users,
    passwords,
    made,
    changes: areListed ? changes : [{ key: USERS, path: ['auth', 'jwt', 'users'], value: users }],
  };
}

/**
 * Makes what the configuration leaves empty: `auth.secret`, `auth.jwt.secret` and passwords; hashes plain passwords.
 * Weak passwords are replaced like empty ones. Nothing is written here.
 */
export async function prepareSecrets(source: Source): Promise<PreparedSecrets> {
  const { auth } = source;
  const users = await prepareUsers(source);
  let config = mergeConfig(source.merged, nest(['auth', 'jwt', 'users'], users.users));
  const changes: FileChange[] = [...users.changes];
  const made = [...users.made];
  const make = (path: readonly [string, ...string[]], bytes: number) => {
    const purpose = path.join('.');
    const value = source.memory?.get(purpose) ?? randomBytes(bytes).toString('hex');
    made.push({ key: purpose, purpose, value });
    config = mergeConfig(config, nest(path, value));
    changes.push({ key: purpose, path, value });
  };
  if (auth.secret === '') make(['auth', 'secret'], SIGNING_KEY_BYTES);
  if (auth.jwt.secret === '') make(['auth', 'jwt', 'secret'], TOKEN_KEY_BYTES);
  return {
    config,
    passwords: users.passwords,
    made,
    changes: changes.filter(({ key }) => !source.foreignKeys.has(key)),
    weak: [
      ...(PUBLISHED_SECRETS.has(auth.secret) ? ['auth.secret'] : []),
      ...(PUBLISHED_SECRETS.has(auth.jwt.secret) ? ['auth.jwt.secret'] : []),
    ],
  };
}
