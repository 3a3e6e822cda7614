import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type ConfigInput, mergeConfig, nest } from '../core/config-schema.ts';
import { declareOutbox, type OutboxRequest } from './outbox-arguments.ts';

/** What the command line sets, and which flag set it, by the key's dotted path. */
export interface FlagConfig {
  readonly values: ConfigInput;
  readonly origins: ReadonlyMap<string, string>;
}

/** An address that is to be signed. */
export interface SignRequest {
  readonly action: 'publish' | 'play';
  /** `/app/name` */
  readonly path: string;
  /** How long it is to be good, in seconds. */
  readonly ttlSeconds: number;
}

/** What is to be done. */
export type Invocation =
  | { readonly kind: 'start' | 'check'; readonly configPath: string | null; readonly flags: FlagConfig }
  | ({ readonly kind: 'sign'; readonly configPath: string | null; readonly flags: FlagConfig } & SignRequest)
  | {
      readonly kind: 'outbox';
      readonly configPath: string | null;
      readonly flags: FlagConfig;
      readonly request: OutboxRequest;
    }
  | { readonly kind: 'publish' | 'play'; readonly url: string; readonly seconds?: number; readonly insecure: boolean }
  /** Help or the version: to be printed, and nothing else. */
  | { readonly kind: 'text'; readonly text: string }
  /** The command line is wrong: `text` says how. */
  | { readonly kind: 'refused'; readonly text: string };

interface Surroundings {
  readonly version: string;
  /** What relative paths on the command line resolve against. */
  readonly cwd: string;
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw new InvalidArgumentError('A whole number from 1 to 65535 is allowed.');
  return port;
}

function readSeconds(text: string): number {
  const seconds = /^\d{1,7}(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (seconds <= 0) throw new InvalidArgumentError('A number above 0 is allowed.');
  return seconds;
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
/** A time to live beyond this is a mistake. */
const MAX_TTL_DAYS = 3660;

function readTtl(text: string): number {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(number ?? 0) * SECONDS[(unit ?? 's') as keyof typeof SECONDS];
  if (seconds < 1 || seconds > MAX_TTL_DAYS * SECONDS.d) {
    throw new InvalidArgumentError('A number followed by s, m, h or d is allowed, ten years at most.');
  }
  return seconds;
}

function readAction(text: string): 'publish' | 'play' {
  if (text !== 'publish' && text !== 'play') throw new InvalidArgumentError('publish or play is allowed.');
  return text;
}

function readWorkers(text: string): number | 'auto' {
  if (text === 'auto') return text;
  const workers = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (workers < 1) throw new InvalidArgumentError('A whole number from 1 on, or auto, is allowed.');
  return workers;
}

function readAddress(text: string): string {
  const isHttp = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (!isHttp) throw new InvalidArgumentError('An absolute address, http://… or https://…, is allowed.');
  return text;
}

function readText(text: string): string {
  if (text === '') throw new InvalidArgumentError('A text that is not empty is allowed.');
  return text;
}

/** A flag and the key it sets; `on` is the value of a flag that takes none. */
interface Flag {
  readonly flag: string;
  readonly value?: string;
  readonly short?: string;
  readonly help: string;
  readonly path: readonly [string, ...string[]];
  readonly read?: (text: string, cwd: string) => unknown;
  readonly on?: boolean;
}

const readPath = (text: string, cwd: string) => resolve(cwd, readText(text));

const flagTable: readonly Flag[] = [
  {
    flag: '--bind',
    short: '-b',
    value: '<addr>',
    help: 'address all listeners bind to',
    path: ['bind'],
    read: readText,
  },
  { flag: '--rtmp-port', value: '<n>', help: 'RTMP port, 1 to 65535', path: ['rtmp', 'port'], read: readPort },
  { flag: '--rtmps-port', value: '<n>', help: 'RTMPS port', path: ['rtmps', 'port'], read: readPort },
  { flag: '--http-port', value: '<n>', help: 'HTTP port', path: ['http', 'port'], read: readPort },
  { flag: '--https-port', value: '<n>', help: 'HTTPS port', path: ['https', 'port'], read: readPort },
  { flag: '--workers', value: '<n>', help: 'processes that serve, or auto', path: ['workers'], read: readWorkers },
  { flag: '--data-path', value: '<folder>', help: 'folder for data', path: ['store', 'path'], read: readPath },
  { flag: '--record-path', value: '<folder>', help: 'folder for recordings', path: ['record', 'path'], read: readPath },
  { flag: '--record-auto', help: 'record every stream', path: ['record', 'auto'], on: true },
  { flag: '--notify-url', value: '<url>', help: 'told about every event', path: ['notify', 'url'], read: readAddress },
  { flag: '--auth-play', help: 'players need a credential', path: ['auth', 'play'], on: true },
  { flag: '--auth-publish', help: 'publishers need a credential', path: ['auth', 'publish'], on: true },
  { flag: '--no-admin', help: 'no page and no console', path: ['webadmin', 'enable'], on: false },
];

const HELP = `
Without -c, ./config.json (or config.yaml) in the current directory is read; when there is none, config.json is written with all
defaults, and the password of the user "admin" is shown once. Every key can also be set by a variable: rtmp.port is NMS_RTMP_PORT. A flag
wins over a variable, a variable over the file. Relative paths in the file are relative to the file's folder; on the
command line and in variables they are relative to the current directory.`;

function declareFlags(program: Command, cwd: string): void {
  program.option('-c, --config <path>', 'config file, JSON or YAML (default: ./config.json)', readText);
  for (const { flag, short, value, help, read } of flagTable) {
    const name = `${short === undefined ? '' : `${short}, `}${flag}${value === undefined ? '' : ` ${value}`}`;
    if (read === undefined) program.option(name, help);
    else program.option(name, help, (text: string) => read(text, cwd));
  }
}

function collectFlags(options: Readonly<Record<string, unknown>>): FlagConfig {
  const origins = new Map<string, string>();
  let values: ConfigInput = {};
  for (const { flag, path, on } of flagTable) {
    const name = flag.replace(/^--(no-)?/, '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const given = options[name];
    // `--no-admin` is `admin: false`; commander sets `admin: true` when it is not given.
    if (given === undefined || (on === false && given !== false)) continue;
    values = mergeConfig(values, nest(path, on ?? given));
    origins.set(path.join('.'), flag);
  }
  return { values, origins };
}

/** Errors whose cause is a word that does not exist: the usage helps. A wrong value has said all there is to say. */
const SHOWS_USAGE = new Set(['commander.unknownOption', 'commander.unknownCommand', 'commander.excessArguments']);

/** Reads the command line; touches nothing. */
export function parseArguments(argv: readonly string[], { version, cwd }: Surroundings): Invocation {
  let text = '';
  let invocation: Invocation = { kind: 'refused', text: '' };
  const program = new Command('nms')
    .description('A live streaming server: RTMP and RTMPS in; RTMP, HTTP-FLV and WebSocket-FLV out.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (part) => {
        text += part;
      },
      writeErr: (part) => {
        text += part;
      },
    })
    .addHelpText('after', HELP);
  const configured = () => {
    const options = program.opts<Record<string, unknown>>();
    const configPath = typeof options.config === 'string' ? options.config : null;
    return { configPath, flags: collectFlags(options) };
  };
  const serve = (kind: 'start' | 'check') => () => {
    invocation = { kind, ...configured() };
  };
  const visit = (kind: 'publish' | 'play') => (url: string, options: { seconds?: number; insecure?: boolean }) => {
    invocation = { kind, url, insecure: false, ...options };
  };
  declareFlags(program, cwd);
  program.action(serve('start'));
  const inherit = (command: Command) =>
    command.copyInheritedSettings(program).helpOption('-h, --help', 'print this help');
  inherit(program.command('start')).description('run the server (also without a command)').action(serve('start'));
  inherit(program.command('check')).description('check the configuration, write nothing').action(serve('check'));
  const visitor = (kind: 'publish' | 'play', help: string) =>
    inherit(program.command(`${kind} <url>`))
      .description(help)
      .option('--seconds <n>', 'stop after so many seconds', readSeconds)
      .option('--insecure', 'take any TLS certificate')
      .action(visit(kind));
  visitor('publish', 'publish a test stream to an rtmp, http or ws address');
  visitor('play', 'play a stream and report what arrives');
  inherit(program.command('sign'))
    .description('print a signed address')
    .argument('<action>', 'publish or play', readAction)
    .argument('<path>', 'the stream, /app/name')
    .option('--ttl <time>', 'how long it is good: 90s, 30m, 1h, 7d', readTtl, SECONDS.h)
    .action((action: SignRequest['action'], path: string, { ttl }: { readonly ttl: number }) => {
      invocation = { kind: 'sign', ...configured(), action, path, ttlSeconds: ttl };
    });
  declareOutbox(program, inherit, (request) => {
    invocation = { kind: 'outbox', ...configured(), request };
  });
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'text', text };
    return { kind: 'refused', text: SHOWS_USAGE.has(error.code) ? `${text}\n${program.helpInformation()}` : text };
  }
  return invocation;
}
