import { isDeepStrictEqual } from 'node:util';
import type { Action } from '../../core/admission.ts';
import type { PreparedChange } from '../../core/change.ts';
import type { CoreConfig } from '../../core/config.ts';
import { hasTokens } from '../../core/config-auth.ts';
import type { Context } from '../../core/context.ts';
import { FailedAttempts, realPatience, WrongCredentialError } from '../../core/failed-attempts.ts';
import { isPattern, matchesPath } from '../../core/path-pattern.ts';
import type { Server } from '../../core/server.ts';
import type { Session } from '../../core/session.ts';
import { verifyStreamSign } from '../../core/sign.ts';
import { hasStreamKeys, HIDDEN_NAME, placeOfKey } from '../../core/stream-keys.ts';
import { ConfigError, DeniedError } from '../../errors.ts';
import { MediaTokens } from './media-tokens.ts';
import { PasswordCheck } from './password-check.ts';

type AuthConfig = CoreConfig['auth'];

/** What a session gave to be let in. */
interface Given {
  readonly sign: string | undefined;
  readonly token: string | undefined;
  /** The hash of a stream key. */
  readonly key: string | undefined;
}

/** Resolves, or returns, when the credential is good. */
type Check = () => void | Promise<void>;

/** What somebody who has nothing could bring. */
function kindsFor(auth: AuthConfig, action: Action): string[] {
  const isPublish = action === 'publish';
  return [
    ...(auth.secret === '' ? [] : ['a signed address']),
    ...(hasTokens(auth.token) ? ['a token'] : []),
    ...(isPublish && hasStreamKeys(auth.streamKeys) ? ['a stream key'] : []),
    ...(auth.publishers.some(({ play }) => isPublish || play) ? ['user and password'] : []),
  ];
}

/** @throws ConfigError when a credential is needed and none can be right. */
function checkKinds(auth: AuthConfig): void {
  for (const action of ['publish', 'play'] as const) {
    if (!auth[action] || kindsFor(auth, action).length > 0) continue;
    const others = `auth.token, auth.publishers${action === 'publish' ? ', auth.streamKeys' : ''}`;
    const message = `auth.secret is empty; auth.${action} needs one, or another credential (${others})`;
    throw new ConfigError('auth.secret', message);
  }
}

/** Lets in who has one right credential, where the configuration asks for one: the first guard of the house. */
export class CredentialsServer implements Server {
  readonly #context: Context;
  readonly #failures: FailedAttempts;
  readonly #passwords: PasswordCheck;
  #auth: AuthConfig;
  #tokens: MediaTokens | null;

  /** @throws ConfigError when a credential is needed and none can be right, or a key file cannot be used. */
  constructor(context: Context) {
    const { auth } = context.config;
    this.#context = context;
    this.#auth = auth;
    this.#failures = new FailedAttempts(auth.failures, realPatience, () =>
      context.counters.count('credential_failures'),
    );
    checkKinds(auth);
    this.#tokens = this.#createTokens(auth);
    this.#passwords = new PasswordCheck(auth.publishers, this.#failures);
    context.guards.push((session, action) => this.#decide(session, action));
    this.#offerSignIn();
  }

  async run(): Promise<void> {}

  /** @throws ConfigError as the constructor */
  async prepare(_sections: object, { auth }: CoreConfig): Promise<PreparedChange> {
    checkKinds(auth);
    // Keys that were fetched are kept while their address is.
    const isSame = isDeepStrictEqual(auth.token, this.#auth.token) && auth.token.keyFile === '';
    const tokens = isSame ? this.#tokens : this.#createTokens(auth);
    return {
      commit: () => {
        this.#auth = auth;
        // Tokens that are being checked are so with the keys of their time.
        this.#tokens = tokens;
        this.#failures.change(auth.failures);
        this.#passwords.change(auth.publishers);
        this.#offerSignIn();
      },
      cancel: () => {
        if (tokens !== this.#tokens) tokens?.close();
      },
    };
  }

  #createTokens({ token }: AuthConfig): MediaTokens | null {
    return hasTokens(token) ? new MediaTokens(token, this.#context.folder, this.#context.logger) : null;
  }

  #offerSignIn(): void {
    const isNeeded = this.#auth.publishers.length > 0;
    this.#context.signIn = isNeeded ? (session, query) => this.#passwords.signIn(session, query) : null;
  }

  async stop(): Promise<void> {
    this.#tokens?.close();
  }

  #decide(session: Session, action: Action): void | Promise<void> {
    const given = this.#take(session);
    this.#failures.throwIfBanned(session.address);
    if (this.#auth[action]) return this.#check(session, action, given);
    // The name was a key, of another app or for a pattern.
    if (action === 'publish' && session.streamName === HIDDEN_NAME)
      throw new DeniedError('the stream key is for something else');
  }

  /** What is a secret goes no further: listeners and webhooks see the rest of the query. */
  #take(session: Session): Given {
    const { sign, token, key } = session.streamQuery;
    const isKey = hasStreamKeys(this.#auth.streamKeys);
    const isToken = this.#tokens !== null;
    const rest = Object.entries(session.streamQuery).filter(
      ([name]) => !(isKey && name === 'key') && !(isToken && name === 'token'),
    );
    session.streamQuery = Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(rest));
    return { sign, token: isToken ? token : undefined, key: isKey ? key : undefined };
  }

  /** One that is right is enough; the first that is not is the reason of the refusal. */
  async #check(session: Session, action: Action, given: Given): Promise<void> {
    const checks = this.#checksOf(session, action, given);
    if (checks.length === 0) {
      const kinds = kindsFor(this.#auth, action);
      throw new DeniedError(`needed to ${action}: ${kinds.join(' or ')}`);
    }
    if ((given.sign ?? given.token ?? given.key) !== undefined) this.#failures.throwIfBusy(session.address);
    const refusals: DeniedError[] = [];
    for (const check of checks) {
      try {
        await check();
        // Whoever watches has a right one for that: it says nothing of who tries to publish.
        if (action === 'publish') this.#failures.forgive(session.address);
        return;
      } catch (error) {
        if (!(error instanceof DeniedError)) throw error;
        refusals.push(error);
      }
    }
    if (refusals.some((refusal) => refusal instanceof WrongCredentialError)) {
      await this.#failures.punish(session);
    }
    throw refusals[0]!;
  }

  #checksOf(session: Session, action: Action, { sign, token, key }: Given): Check[] {
    const checks: Check[] = [];
    if (session.user !== '') checks.push(() => this.#checkUser(session, action));
    if (key !== undefined && action === 'publish') checks.push(() => this.#checkKey(session, key));
    if (sign !== undefined && sign !== '') checks.push(() => this.#checkSign(session, action, sign));
    if (token !== undefined && token !== '') checks.push(() => this.#checkToken(session, action, token));
    return checks;
  }

  #checkUser(session: Session, action: Action): void {
    const publisher = this.#auth.publishers.find(({ username }) => username === session.user);
    const isCovered = publisher?.paths.some((pattern) => matchesPath(pattern, session.streamPath)) === true;
    if (!isCovered || (action === 'play' && !publisher?.play)) {
      throw new DeniedError(`${session.user} may not ${action} ${session.streamPath}`);
    }
  }

  #checkKey(session: Session, key: string): void {
    const place = placeOfKey(this.#auth.streamKeys, key);
    if (place === null) throw new WrongCredentialError('the stream key is wrong');
    if (isPattern(place) && session.streamName === HIDDEN_NAME) {
      throw new DeniedError('the stream key goes with ?key= behind a name');
    }
    if (!matchesPath(place, session.streamPath)) throw new DeniedError('the stream key is for something else');
  }

  #checkSign(session: Session, action: Action, sign: string): void {
    const { secret, md5: acceptMd5 } = this.#auth;
    if (secret === '') throw new DeniedError('signed addresses are switched off');
    const now = Math.floor(Date.now() / 1000);
    verifyStreamSign({ action, path: session.streamPath, sign, secret, acceptMd5, now });
  }

  async #checkToken(session: Session, action: Action, token: string): Promise<void> {
    const user = await this.#tokens?.verify(token, action, session.streamPath);
    if (user !== undefined && user !== '') session.user = user;
  }
}
