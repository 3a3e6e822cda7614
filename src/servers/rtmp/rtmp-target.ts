import type { CoreConfig } from '../../core/config.ts';
import { CREDENTIAL_PARAMETERS } from '../../core/credential-parameters.ts';
import type { SessionTarget } from '../../core/session.ts';
import { playTarget, publishTarget } from '../../core/stream-keys.ts';
import { parseStreamAddress } from '../../core/stream-path.ts';
import { DeniedError } from '../../errors.ts';
import { ADOBE_PARAMETERS } from '../../protocols/rtmp/adobe-auth.ts';
import type { RtmpEvent } from '../../protocols/rtmp/rtmp-protocol.ts';

type Asked = Extract<RtmpEvent, { readonly kind: 'publish' | 'play' }>;

/**
 * What the peer asks for, without what is nobody's business.
 * @throws DeniedError for a credential with two values; ProtocolError for a name that is not allowed.
 */
export function targetOf(
  event: Asked,
  { host, user, auth }: { readonly host: string; readonly user: string; readonly auth: CoreConfig['auth'] },
): SessionTarget {
  const twice = event.duplicates.find((name) => CREDENTIAL_PARAMETERS.includes(name));
  if (twice !== undefined) throw new DeniedError(`the parameter "${twice}" has two values`);
  const isAdobe = event.query['authmod'] === 'adobe';
  const kept = Object.entries(event.query).filter(([name]) => !isAdobe || !ADOBE_PARAMETERS.includes(name));
  const query = Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(kept));
  const target = { address: parseStreamAddress(event.app, event.name), host, query };
  return event.kind === 'publish' ? publishTarget(auth, target, user) : playTarget(auth, target);
}
