import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Action } from '../../core/admission.ts';
import type { CoreConfig } from '../../core/config.ts';
import { WrongCredentialError } from '../../core/failed-attempts.ts';
import type { Logger } from '../../core/logger.ts';
import { matchesPath } from '../../core/path-pattern.ts';
import { ConfigError, DeniedError } from '../../errors.ts';
import { KeySet } from './key-set.ts';

type TokenConfig = CoreConfig['auth']['token'];
type Algorithm = TokenConfig['algorithms'][number];

/** Characters of a token. */
const MAX_TOKEN_LENGTH = 8 * 1024;
/** Characters of a user that a token names. */
const MAX_USER_LENGTH = 128;

const PUBLIC_ALGORITHMS: readonly Algorithm[] = ['RS256', 'ES256', 'EdDSA'];
const KEY_TYPES: Readonly<Record<string, Algorithm>> = { rsa: 'RS256', ec: 'ES256', ed25519: 'EdDSA' };

function wrongKeyFile(name: string, what: string, cause?: unknown): ConfigError {
  const message = `auth.token.keyFile is ${JSON.stringify(name)}, ${what}; a PEM file with a public key (RSA, P-256 or Ed25519) is allowed`;
  return new ConfigError('auth.token.keyFile', message, { cause });
}

function readKeyFile(name: string, folder: string): { readonly key: KeyObject; readonly algorithm: Algorithm } {
  let key: KeyObject;
  try {
    key = createPublicKey(readFileSync(resolve(folder, name)));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no key';
    throw wrongKeyFile(name, `which cannot be read (${code})`, error);
  }
  const algorithm = KEY_TYPES[key.asymmetricKeyType ?? ''];
  const isOtherCurve = algorithm === 'ES256' && key.asymmetricKeyDetails?.namedCurve !== 'prime256v1';
  if (algorithm === undefined || isOtherCurve) throw wrongKeyFile(name, 'which holds another kind of key');
  return { key, algorithm };
}

function textsOf(claim: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.filter((value) => typeof value === 'string');
}

/** Checks tokens (JWT, RFC 7519) that let somebody publish or play. */
export class MediaTokens {
  readonly #config: TokenConfig;
  readonly #options: JWTVerifyOptions;
  readonly #key: KeyObject | KeySet;

  /**
   * @param folder what `keyFile` is relative to
   * @throws ConfigError when the key file cannot be used.
   */
  constructor(config: TokenConfig, folder: string, logger: Logger) {
    this.#config = config;
    let fitting = PUBLIC_ALGORITHMS;
    if (config.secret !== '') {
      this.#key = createSecretKey(Buffer.from(config.secret));
      fitting = ['HS256'];
    } else if (config.keyFile !== '') {
      const { key, algorithm } = readKeyFile(config.keyFile, folder);
      this.#key = key;
      fitting = [algorithm];
    } else {
      this.#key = new KeySet(config.jwksUrl, logger);
    }
    const chosen =
      config.algorithms.length === 0 ? fitting : config.algorithms.filter((name) => fitting.includes(name));
    if (chosen.length === 0) {
      const message = `auth.token.algorithms lists ${config.algorithms.join(', ')}; ${fitting.join(', ')} fits the key`;
      throw new ConfigError('auth.token.algorithms', message);
    }
    this.#options = {
      algorithms: [...chosen],
      requiredClaims: ['exp'],
      clockTolerance: config.clockToleranceS,
      ...(config.issuer === '' ? {} : { issuer: config.issuer }),
      ...(config.audience === '' ? {} : { audience: config.audience }),
    };
  }

  /**
   * Resolves with the user whom the token names, '' for nobody.
   * @throws WrongCredentialError when it is no token of ours, DeniedError when it is one for something else, or too old, or
   * its key cannot be had.
   */
  async verify(token: string, action: Action, path: string): Promise<string> {
    const payload = await this.#read(token);
    const { claims } = this.#config;
    if (!textsOf(payload[claims.action]).includes(action))
      throw new DeniedError(`the token does not allow to ${action}`);
    const patterns = textsOf(payload[claims.path]);
    if (!patterns.some((pattern) => matchesPath(pattern, path))) {
      throw new DeniedError(`the token is not for ${path}`);
    }
    const user = payload[claims.user];
    return typeof user === 'string' && /^[^\p{Cc}]*$/u.test(user) ? user.slice(0, MAX_USER_LENGTH) : '';
  }

  close(): void {
    if (this.#key instanceof KeySet) this.#key.close();
  }

  async #read(token: string): Promise<JWTPayload> {
    if (token.length > MAX_TOKEN_LENGTH) throw new WrongCredentialError('the token is too long');
    try {
      const { payload } =
        this.#key instanceof KeySet
          ? await jwtVerify(token, this.#key.getKey, this.#options)
          : await jwtVerify(token, this.#key, this.#options);
      return payload;
    } catch (error) {
      if (error instanceof DeniedError) throw error;
      if (error instanceof errors.JWTExpired) throw new DeniedError('the token has expired', { cause: error });
      if (error instanceof errors.JWTClaimValidationFailed) {
        throw new DeniedError(`the claim ${JSON.stringify(error.claim)} of the token does not fit`, { cause: error });
      }
      throw new WrongCredentialError('the token is not valid', { cause: error });
    }
  }
}
