import { randomBytes } from 'node:crypto';
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

export interface PreparedSecrets {
  /** The configuration with every secret in place. */
  readonly config: ConfigInput;
  readonly passwords: readonly GeneratedPassword[];
  readonly changes: readonly FileChange[];
  /** Secrets that are known to everyone, by key. */
  readonly weak: readonly string[];
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
}

function listsUsers(document: ConfigInput): boolean {
  const { auth } = document as { auth?: { jwt?: { users?: unknown } } };
  return auth?.jwt?.users !== undefined;
}

async function prepareUsers(source: Source) {
  const passwords: GeneratedPassword[] = [];
  const changes: FileChange[] = [];
  const users = [];
  for (const [index, user] of source.auth.jwt.users.entries()) {
    if (isPasswordHash(user.password)) {
      users.push(user);
      continue;
    }
    const isWeak = isWeakPassword(user.password);
    const password = isWeak ? generatePassword() : user.password;
    if (isWeak) passwords.push({ username: user.username, password });
    const hash = await hashPassword(password);
    users.push({ ...user, password: hash });
    changes.push({ key: USERS, path: ['auth', 'jwt', 'users', index, 'password'], value: hash });
  }
  const areListed = changes.length === 0 || listsUsers(source.document);
  return {
    users,
    passwords,
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
  const make = (path: readonly [string, ...string[]], bytes: number) => {
    const value = randomBytes(bytes).toString('hex');
    config = mergeConfig(config, nest(path, value));
    changes.push({ key: path.join('.'), path, value });
  };
  if (auth.secret === '') make(['auth', 'secret'], SIGNING_KEY_BYTES);
  if (auth.jwt.secret === '') make(['auth', 'jwt', 'secret'], TOKEN_KEY_BYTES);
  return {
    config,
    passwords: users.passwords,
    changes: changes.filter(({ key }) => !source.foreignKeys.has(key)),
    weak: [
      ...(PUBLISHED_SECRETS.has(auth.secret) ? ['auth.secret'] : []),
      ...(PUBLISHED_SECRETS.has(auth.jwt.secret) ? ['auth.jwt.secret'] : []),
    ],
  };
}
