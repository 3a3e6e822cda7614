import type { CoreConfig } from './config.ts';
import type { Session } from './session.ts';

/**
 * Asks a connection, before it is accepted, who it is; resolves with the user, '' for nobody in particular. A refusal is a
 * DeniedError whose message goes to the peer as it is: the next step of the conversation.
 */
export type SignIn = (session: Session, query: Readonly<Record<string, string>>) => Promise<string>;

/** What a connection said of itself. */
export interface Introduction {
  readonly app: string;
  readonly query: Readonly<Record<string, string>>;
  /** It called itself an encoder. */
  readonly isEncoder: boolean;
}

function isListed(apps: readonly string[], app: string): boolean {
  return apps.some((listed) => listed === '*' || listed === app || app.startsWith(`${listed}/`));
}

/** Is this connection asked for user and password? It is when it offers them, or goes to an app where that is the rule. */
export function isAskedForPassword(ask: CoreConfig['auth']['askPassword'], introduction: Introduction): boolean {
  const { app, query, isEncoder } = introduction;
  return query['authmod'] === 'adobe' || isListed(isEncoder ? ask.publishers : ask.players, app);
}
