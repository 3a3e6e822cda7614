import { accessSync, constants, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import { NodeMediaServer, type NodeMediaServerConfig } from '../index.ts';
import { greetingLines } from './greeting.ts';
import type { LoadedConfig } from './load-config.ts';
import type { Log } from './log.ts';
import { type PreparedSecrets, prepareSecrets } from './secrets.ts';

export interface StartOptions {
  readonly loaded: LoadedConfig;
  readonly log: Log;
  readonly version: string;
  /** Writes to the operator, past the log: for what must be seen once and kept nowhere. */
  readonly tell: (text: string) => void;
}

function systemReason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
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

/** Puts new secrets into the file. A file that cannot be written is no reason not to serve. */
function keepSecrets({ loaded, log }: StartOptions, secrets: PreparedSecrets): boolean {
  const { file, fileName, isNew } = loaded;
  for (const { path, value } of secrets.changes) file.set(path, value);
  if (!isNew && secrets.changes.length === 0) return true;
  try {
    file.save();
    log.logger.info(
      { file: file.path },
      isNew ? `${fileName} made with the defaults` : `new secrets kept in ${fileName}`,
    );
    return true;
  } catch (error) {
    const reason = systemReason(error);
    const message = `${fileName} cannot be written (${reason}): generated secrets and passwords hold for this run only`;
    log.logger.warn({ file: file.path, reason }, message);
    return false;
  }
}

function showPasswords({ loaded, tell }: StartOptions, secrets: PreparedSecrets, areKept: boolean): void {
  const isOfFile = !loaded.origins.has('auth.jwt.users');
  const advice =
    areKept && isOfFile
      ? `Shown this once; ${loaded.fileName} keeps only its hash.`
      : 'Kept nowhere: it holds for this run only.';
  for (const { username, password } of secrets.passwords) {
    const rule = '='.repeat(64);
    tell(`${rule}\n  User:     ${username}\n  Password: ${password}\n  ${advice}\n${rule}\n`);
  }
}

/** Makes the server and what it needs on disk, and opens its doors. The caller stops it. */
export async function start(options: StartOptions): Promise<NodeMediaServer> {
  const { loaded, log, version } = options;
  const { logger } = log;
  logger.info({ version, node: process.versions.node }, `Node Media Server ${version}`);
  for (const name of loaded.foreignVariables)
    logger.warn({ variable: name }, `${name} is not a variable of ours, ignored`);
  const secrets = await prepareSecrets({
    merged: loaded.merged,
    auth: loaded.resolved.auth,
    document: loaded.file.document,
    foreignKeys: new Set(loaded.origins.keys()),
  });
  for (const key of secrets.weak) logger.warn({ key }, `${key} is one that was published; choose another`);
  makeDataFolder(loaded);
  const config = secrets.config as NodeMediaServerConfig;
  // It checks what no schema can, so nothing is kept before it is made.
  const server = new NodeMediaServer(config, { logger, folder: loaded.file.folder });
  const areKept = keepSecrets(options, secrets);
  showPasswords(options, secrets, areKept);
  return server;
}

/** Says which doors are open and what to do with them. */
export function greet(server: NodeMediaServer, { logger }: Log): void {
  for (const { name, address } of server.listeners)
    logger.info({ listener: name, address }, `${name} listens on ${address}`);
  for (const line of greetingLines(server.listeners, server.context.config.auth)) logger.info({}, line);
}
