import { doorNames } from '../core/config-schema.ts';
import { joinAddress } from '../core/listener.ts';
import { ConfigError, ListenError, NmsError } from '../errors.ts';
import { type LoadedConfig, originOf, placeInFile } from './load-config.ts';

type Where = Pick<LoadedConfig, 'file' | 'fileName' | 'isNew' | 'origins'>;

/** Reasons of the system that are about the address, not the port. */
const ADDRESS_REASONS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL']);

/** What of the operator's says what a key is: a flag, a variable, or a place in the file. */
export function whereIs(key: string, { file, fileName, isNew, origins }: Where): string {
  return originOf(key, origins) ?? placeInFile(key, isNew ? null : file, fileName);
}

function explainListen(error: ListenError, loaded: LoadedConfig): string {
  const { bind } = loaded.resolved;
  const door = doorNames.find((name) => {
    const section = loaded.resolved[name] as { port?: number } | undefined;
    return section?.port !== undefined && joinAddress(bind, section.port) === error.address;
  });
  const reason = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const isAddress = door === undefined || ADDRESS_REASONS.has(reason);
  const key = isAddress ? 'bind' : `${door}.port`;
  const value = isAddress ? JSON.stringify(bind) : (loaded.resolved[door] as { port: number }).port;
  const allowed = isAddress ? 'an address of this machine' : 'a port that is free';
  return `${whereIs(key, loaded)}: ${key} is ${value}; ${error.message}; ${allowed} is allowed`;
}

/**
 * One line for an error that the operator can mend, `null` for any other: those keep their stack. `loaded` is absent while
 * the configuration is still being read; its errors then name their file themselves.
 */
export function explainError(error: unknown, loaded: LoadedConfig | null): string | null {
  if (!(error instanceof NmsError)) return null;
  let line = error.message;
  if (error instanceof ListenError && loaded !== null) line = explainListen(error, loaded);
  else if (error instanceof ConfigError && error.path !== '' && loaded !== null) {
    line = `${whereIs(error.path, loaded)}: ${error.message}`;
  }
  return line.replace(/\s*[\r\n]+\s*/g, ' ');
}
