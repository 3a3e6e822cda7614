import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { DeniedError } from '../errors.ts';
import { WrongCredentialError } from './failed-attempts.ts';

export type SignedAction = 'publish' | 'play';

/**
 * The `sign` parameter of an address: `<expiry, unix seconds>-<hex HMAC-SHA256 of "<action>:<path>-<expiry>">`.
 * @param path `/app/name`
 */
export function signStream(action: SignedAction, path: string, expiresAt: number, secret: string): string {
  return `${expiresAt}-${createHmac('sha256', secret).update(`${action}:${path}-${expiresAt}`).digest('hex')}`;
}

/** The form of Node-Media-Server 4: hex MD5 of `<path>-<expiry>-<secret>`, the same for every action. */
export function signStreamMd5(path: string, expiresAt: number, secret: string): string {
  return `${expiresAt}-${createHash('md5').update(`${path}-${expiresAt}-${secret}`).digest('hex')}`;
}

export interface SignatureCheck {
  readonly action: SignedAction;
  readonly path: string;
  /** The `sign` parameter as it came. */
  readonly sign: string | undefined;
  readonly secret: string;
  readonly acceptMd5: boolean;
  /** Unix seconds. */
  readonly now: number;
}

/** @throws DeniedError when the signature is missing or has expired, WrongCredentialError when it is malformed or not ours. */
export function verifyStreamSign(check: SignatureCheck): void {
  const { action, path, sign, secret, acceptMd5, now } = check;
  if (sign === undefined || sign === '') throw new DeniedError(`a signed address is needed to ${action}`);
  const match = /^(\d{1,12})-([0-9a-f]{32}|[0-9a-f]{64})$/.exec(sign);
  if (match === null) throw new WrongCredentialError('the signature is malformed');
  const expiresAt = Number(match[1]);
  const isMd5 = match[2]!.length === 32;
  if (isMd5 && !acceptMd5) throw new DeniedError('MD5 signatures are switched off');
  const expected = isMd5 ? signStreamMd5(path, expiresAt, secret) : signStream(action, path, expiresAt, secret);
  const found = `${expiresAt}-${match[2]}`;
  if (!timingSafeEqual(Buffer.from(expected), Buffer.from(found))) {
    throw new WrongCredentialError('the signature does not fit this address');
  }
  if (expiresAt < now) throw new DeniedError('the signature has expired');
}
