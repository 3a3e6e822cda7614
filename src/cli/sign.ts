import type { ConfigInput } from '../core/config-schema.ts';
import { parseStreamPath } from '../core/stream-path.ts';
import { ConfigError, NmsError } from '../errors.ts';
import { signStream } from '../index.ts';
import type { SignRequest } from './arguments.ts';
import { reachableHost } from './greeting.ts';
import type { LoadedConfig } from './load-config.ts';

/** Doors, and what stands behind the path in their addresses. */
const DOORS = [
  { name: 'rtmp', suffix: '' },
  { name: 'rtmps', suffix: '' },
  { name: 'http', suffix: '.flv' },
  { name: 'https', suffix: '.flv' },
] as const;

function checkPath(path: string): string {
  try {
    return parseStreamPath(path).path;
  } catch (error) {
    if (!(error instanceof NmsError)) throw error;
    throw new ConfigError('', `${JSON.stringify(path)} has ${error.message}; /app/name is allowed`, { cause: error });
  }
}

/**
 * The signature of an address, and the address at each door, one to a line.
 * @param now unix milliseconds
 * @throws ConfigError when the path is none, or there is no secret to sign with.
 */
export function sign(loaded: LoadedConfig, { action, path, ttlSeconds }: SignRequest, now: number): string {
  const address = checkPath(path);
  const { auth, bind } = loaded.resolved;
  if (auth.secret === '') {
    const place = loaded.isNew ? `no ${loaded.fileName} here; ` : '';
    throw new ConfigError('auth.secret', `${place}auth.secret is empty; a first start makes one`);
  }
  const query = `sign=${signStream(action, address, Math.floor(now / 1000) + ttlSeconds, auth.secret)}`;
  const doors = DOORS.flatMap(({ name, suffix }) => {
    const door = loaded.resolved[name] as ConfigInput | undefined;
    return door === undefined
      ? []
      : [`${name}://${reachableHost(bind)}:${String(door['port'])}${encodeURI(address)}${suffix}?${query}`];
  });
  return [query, ...doors].join('\n');
}
