import { readConfiguredPair } from '../core/certificate-pair.ts';
import { doorNames } from '../core/config-schema.ts';
import { NodeMediaServer, type NodeMediaServerConfig } from '../index.ts';
import type { LoadedConfig } from './load-config.ts';
import { prepareSecrets } from './secrets.ts';

interface SecureDoor {
  readonly port: number;
  readonly key?: string;
  readonly cert?: string;
}

/**
 * Checks all that a start would check short of opening doors and writing files; returns what to tell.
 * @throws ConfigError as a start would.
 */
export async function check(loaded: LoadedConfig): Promise<string> {
  const { file, fileName, isNew, resolved } = loaded;
  // With its secrets made, in memory only, the configuration is the one that would run.
  const foreignKeys = new Set(loaded.origins.keys());
  const source = { merged: loaded.merged, auth: resolved.auth, document: file.document, foreignKeys };
  const { config } = await prepareSecrets(source);
  await new NodeMediaServer(config as NodeMediaServerConfig, { folder: file.folder }).stop();
  const doors: string[] = [];
  for (const name of doorNames) {
    const door = resolved[name] as SecureDoor | undefined;
    if (door === undefined) continue;
    const pair = await readConfiguredPair({ key: door.key, cert: door.cert, folder: file.folder, name });
    const validity =
      pair === null ? '' : `, certificate valid until ${new Date(pair.notAfter).toISOString().slice(0, 10)}`;
    doors.push(`${name} on port ${door.port}${validity}`);
  }
  const what = isNew ? `no ${fileName} here, a start would make one` : `${fileName} is valid`;
  return `${what}; opens ${doors.join(', ')} at ${resolved.bind}`;
}
