import { existsSync } from 'node:fs';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { type Invocation, parseArguments } from './cli/arguments.ts';
import { check } from './cli/check.ts';
import { endProcess } from './cli/end-process.ts';
import { explainError } from './cli/explain.ts';
import { type LoadedConfig, loadConfig } from './cli/load-config.ts';
import { createLog, type Log } from './cli/log.ts';
import { outbox } from './cli/outbox.ts';
import { Reloader } from './cli/reload.ts';
import { sign } from './cli/sign.ts';
import { ServiceManager } from './cli/service-manager.ts';
import { greet, start } from './cli/start.ts';
import { readVersion } from './core/version.ts';
import { letHeapGrow } from './heap.ts';
import { NodeMediaServer } from './index.ts';
import { terminalOutput } from './tools/terminal.ts';

const STANDARD_OUTPUT = 1;

type ServeInvocation = Extract<Invocation, { kind: 'start' | 'check' | 'sign' | 'outbox' }>;
type VisitInvocation = Extract<Invocation, { kind: 'publish' | 'play' }>;

function load({ configPath, flags }: ServeInvocation): LoadedConfig {
  const schemaFile = fileURLToPath(new URL('../docs/6-reference/config.schema.json', import.meta.url));
  return loadConfig({
    configPath,
    flags,
    environment: process.env,
    cwd: process.cwd(),
    sections: NodeMediaServer.sections,
    ...(existsSync(schemaFile) ? { schemaFile } : {}),
  });
}

/** An operator's mistake is one line; anything else is ours and keeps its stack. */
function report(error: unknown, loaded: LoadedConfig | null): void {
  const line = explainError(error, loaded);
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${line ?? stack}\n`);
}

async function endAfter(stopping: Promise<void>, log: Log): Promise<void> {
  let code = 0;
  try {
    await stopping;
    log.logger.info({}, 'stopped');
  } catch (error) {
    log.logger.fatal({ err: error }, 'stopping failed');
    code = 1;
  }
  await log.flush();
  endProcess(code);
}

/** The first signal stops the server in order and ends the process, the second ends it at once. Tells whether one came. */
function stopOnSignals(server: NodeMediaServer, reloader: Reloader, log: Log, manager: ServiceManager): () => boolean {
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) return endProcess(1);
    isStopping = true;
    log.logger.info({ signal }, `${signal}: stopping`);
    manager.stopping();
    reloader.close();
    void endAfter(server.stop(), log);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => isStopping;
}

/** Windows has no such signal to ask with. One that comes because the terminal was closed is an end like any other. */
function reloadOnSignal(reloader: Reloader, hadTerminal: boolean): void {
  if (process.platform === 'win32') return;
  process.on('SIGHUP', () => {
    if (hadTerminal && !isatty(STANDARD_OUTPUT)) process.kill(process.pid, 'SIGTERM');
    else reloader.request('SIGHUP');
  });
}

/** After an error that nobody foresaw the state is unknown: the process ends, and whoever runs it starts a new one. */
function endOnUnforeseen(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.logger.fatal({ err: error }, 'an unforeseen error');
    void log.flush().then(() => endProcess(1));
  });
}

async function serve(invocation: ServeInvocation, version: string): Promise<number | null> {
  let loaded: LoadedConfig | null = null;
  let log: Log | null = null;
  try {
    loaded = load(invocation);
    if (invocation.kind === 'check') {
      process.stdout.write(`${await check(loaded)}\n`);
      return 0;
    }
    if (invocation.kind === 'sign') {
      process.stdout.write(`${sign(loaded, invocation, Date.now())}\n`);
      return 0;
    }
    if (invocation.kind === 'outbox') {
      process.stdout.write(`${outbox(loaded, invocation.request)}\n`);
      return 0;
    }
    log = createLog(loaded.resolved.log, process.stdout.isTTY === true);
    endOnUnforeseen(log);
    letHeapGrow();
    const tell = (text: string) => void process.stderr.write(text);
    const { server, source } = await start({ loaded, log, version, tell });
    const reloader = new Reloader({ server, source, loaded, log, cwd: process.cwd() });
    reloadOnSignal(reloader, process.stdout.isTTY === true);
    const manager = new ServiceManager(process.env, log.logger);
    const isStoppedBySignal = stopOnSignals(server, reloader, log, manager);
    await server.run().catch((error: unknown) => {
      if (!isStoppedBySignal()) throw error;
    });
    if (!isStoppedBySignal()) {
      greet(server, log);
      manager.ready(server.listeners);
      reloader.begin();
    }
    return null;
  } catch (error) {
    await log?.flush();
    report(error, loaded);
    return 1;
  }
}

async function visit({ kind, url, ...more }: VisitInvocation): Promise<number> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  const options = { signal: controller.signal, ...terminalOutput(process.stdout), ...more };
  try {
    if (kind === 'publish') return await (await import('./tools/publish.ts')).runPublish(url, options);
    return await (await import('./tools/play.ts')).runPlay(url, options);
  } catch (error) {
    report(error, null);
    return 1;
  }
}

async function run(argv: readonly string[]): Promise<number | null> {
  const version = readVersion();
  const invocation = parseArguments(argv, { version, cwd: process.cwd() });
  switch (invocation.kind) {
    case 'text':
      process.stdout.write(invocation.text);
      return 0;
    case 'refused':
      process.stderr.write(invocation.text);
      return 1;
    case 'publish':
    case 'play':
      return visit(invocation);
    default:
      return serve(invocation, version);
  }
}

/** The command `nms`: does what `argv` (without program names) says. The process ends by itself, or serves until a signal. */
export async function main(argv: readonly string[]): Promise<void> {
  const code = await run(argv);
  if (code !== null) process.exitCode = code;
}
