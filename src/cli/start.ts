import { accessSync, constants, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { NodeMediaServer, type NodeMediaServerConfig } from '../index.ts';
import { greetingLines } from './greeting.ts';
import type { LoadedConfig } from './load-config.ts';
import type { Log } from './log.ts';
import { OperatorSource, systemReason } from './operator-source.ts';

export interface StartOptions {
  readonly loaded: LoadedConfig;
  readonly log: Log;
  readonly version: string;
  /** Writes to the operator, past the log: for what must be seen once and kept nowhere. */
  readonly tell: (text: string) => void;
}

function makeDataFolder(loaded: LoadedConfig): void {
  const { path } = loaded.resolved.store;
  const folder = resolve(loaded.file.folder, path);
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const message = `store.path is "${path}", which cannot be used (${systemReason(error)}); a folder that can be written is allowed`;
    throw new ConfigError('store.path', message, { cause: error });
  }
}

/** A server that is made and not yet run, and where its configuration comes from. */
export interface Started {
  readonly server: NodeMediaServer;
  readonly source: OperatorSource;
}

/** Makes the server and what it needs on disk, and opens its doors. The caller stops it. */
export async function start({ loaded, log, version, tell }: StartOptions): Promise<Started> {
  const { logger } = log;
  logger.info({ version, node: process.versions.node }, `Node Media Server ${version}`);
  for (const name of loaded.foreignVariables)
    logger.warn({ variable: name }, `${name} is not a variable of ours, ignored`);
  const source = new OperatorSource({ loaded, log, tell });
  const { config, document } = await source.compose(loaded.file.document);
  makeDataFolder(loaded);
  // It checks what no schema can, so nothing is kept before it is made.
  const options = { logger, folder: loaded.file.folder, source };
  const server = new NodeMediaServer(config as NodeMediaServerConfig, options);
  await source.begin(document);
  return { server, source };
}

/** Says which doors are open and what to do with them. */
export function greet(server: NodeMediaServer, { logger }: Log): void {
  for (const { name, address } of server.listeners)
    logger.info({ listener: name, address }, `${name} listens on ${address}`);
  for (const line of greetingLines(server.listeners, server.context.config.auth)) logger.info({}, line);
}
