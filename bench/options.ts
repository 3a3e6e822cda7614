import { parseArgs } from 'node:util';
import { type SuiteName, suiteNames, type Transport, transports } from './results.ts';

/** How long the parts of one point take, in seconds. */
export interface Timing {
  /** From the publisher's first frame to the first player: the server's memory comes to rest. */
  readonly settleS: number;
  /** From the last player's first frame to the window. */
  readonly warmupS: number;
  readonly windowS: number;
}

/** What to measure, after the command line was checked. */
export interface BenchOptions {
  readonly suites: readonly SuiteName[];
  readonly isFull: boolean;
  readonly transports: readonly Transport[];
  /** `null`: what the suite has by default. */
  readonly players: readonly number[] | null;
  readonly repetitions: number;
  readonly soakMinutes: number;
  /** Of the loopback inside the namespace. */
  readonly mtu: number;
  readonly strict: boolean;
  readonly nginx: boolean;
  /** Leave out the peer and nginx. */
  readonly isAlone: boolean;
  /** Measure the peer in both columns; the ratios then show the spread of the method. */
  readonly spread: boolean;
  /** Run only our server, under V8's CPU profiler, and list where the window's time went. */
  readonly profile: boolean;
  /** Where the results go; `null`: bench/results/latest.json. */
  readonly out: string | null;
  /** The timing of a point with that many players. */
  timing(players: number): Timing;
}

/** The command line cannot be understood; the message says why. */
export class UsageError extends Error {}

export const usage = `Measures this server and its peers side by side on loopback.

  node bench/run.ts [options]

  --suite fanout,idle  what to measure (default: fanout; --full: all)
      fanout    one stream, many players: CPU, latency, memory per player; the floor beside it
      streams   many publishers with a player each
      idle      2000 connections that wait for a stream
      burst     200 players at once in the middle of a group of pictures
      storm     1000 players within a second while others watch
      slow      20 players that never read beside 50 healthy ones
      latency   second by second
      capacity  how many players one process serves
      link      100 players 40 ms away, with and without loss
      api       500 requests a second to the API beside 200 players
      change    ten changes of the configuration under 200 players
      soak      publishers and players come and go
  --only rtmp,flv,ws   transports (default: all)
  --n 50,200,500       players, streams or connections, in place of a suite's own numbers
  --window 12          seconds measured at each point, best a multiple of the 2 s group of pictures
  --reps 2             repetitions; tables show the median
  --minutes 60         length of the soak (default: 2; --full: 60)
  --full               every suite, longer windows, more repetitions, nginx too when it is installed
  --nginx              also measure nginx with its rtmp module
  --alone              only our server and the floor, no peers
  --spread             measure the peer against itself: how far apart equal servers come out
  --profile            only our server, under the CPU profiler; lists where the time goes
  --mtu 1500           of the loopback; 65536 is what it has by itself, and distorts more
  --strict             anything but a pass of every goal makes the exit code 1
  --out file.json      where the results go (default: bench/results/latest.json)
  --help
`;

/** A longer window would outlive what players that only read may do: WebSocket pings go unanswered. */
const maxWindowS = 30;
const maxPlayers = 10_000;
const maxMinutes = 300;

/** @throws UsageError for anything but the options in `usage`; returns null when help was asked for. */
export function readOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parse(args);
  if (values.help) return null;
  const isFull = values.full ?? false;
  const suites = values.suite === undefined ? (isFull ? suiteNames : ['fanout' as const]) : list(values.suite, suite);
  const windowS = values.window === undefined ? null : whole(values.window, '--window', maxWindowS);
  if ((values.spread || values.profile) && suites.join() !== 'fanout') {
    throw new UsageError('--spread and --profile are for --suite fanout');
  }
  return {
    suites,
    isFull,
    transports: values.only === undefined ? transports : list(values.only, transport),
    players: values.n === undefined ? null : list(values.n, (n) => whole(n, '--n', maxPlayers)),
    repetitions: values.reps === undefined ? (isFull ? 3 : 1) : whole(values.reps, '--reps', 20),
    soakMinutes: values.minutes === undefined ? (isFull ? 60 : 2) : whole(values.minutes, '--minutes', maxMinutes),
    mtu: values.mtu === undefined ? 1500 : whole(values.mtu, '--mtu', 65_536),
    strict: values.strict ?? false,
    nginx: (isFull && !values.alone) || (values.nginx ?? false),
    isAlone: values.alone ?? false,
    spread: values.spread ?? false,
    profile: values.profile ?? false,
    out: values.out ?? null,
    timing: (n) => ({
      settleS: isFull ? 4 : 1,
      warmupS: isFull ? 3 : 0.75,
      windowS: windowS ?? (isFull ? 12 : n >= 500 ? 6 : 4),
    }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        suite: { type: 'string' },
        only: { type: 'string' },
        n: { type: 'string' },
        window: { type: 'string' },
        reps: { type: 'string' },
        minutes: { type: 'string' },
        mtu: { type: 'string' },
        out: { type: 'string' },
        full: { type: 'boolean' },
        nginx: { type: 'boolean' },
        alone: { type: 'boolean' },
        spread: { type: 'boolean' },
        profile: { type: 'boolean' },
        strict: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function list<Item>(value: string, read: (part: string) => Item): Item[] {
  return value.split(',').map((part) => read(part.trim()));
}

function suite(name: string): SuiteName {
  const found = suiteNames.find((known) => known === name);
  if (found === undefined) throw new UsageError(`--suite takes ${suiteNames.join(', ')}, not "${name}"`);
  return found;
}

function transport(name: string): Transport {
  const found = transports.find((known) => known === name);
  if (found === undefined) throw new UsageError(`--only takes ${transports.join(', ')}, not "${name}"`);
  return found;
}

function whole(text: string, option: string, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > most) {
    throw new UsageError(`${option} takes whole numbers from 1 to ${most}, not "${text}"`);
  }
  return value;
}
