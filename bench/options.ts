import { parseArgs } from 'node:util';

/** The ways a player can take a stream. */
export const transports = ['rtmp', 'flv', 'ws'] as const;
export type Transport = (typeof transports)[number];

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
  readonly transports: readonly Transport[];
  readonly players: readonly number[];
  readonly repetitions: number;
  readonly strict: boolean;
  readonly nginx: boolean;
  /** Measure the peer in both columns; the ratios then show the spread of the method. */
  readonly spread: boolean;
  /** Run only our server, under V8's CPU profiler, and list where the window's time went. */
  readonly profile: boolean;
  /** The timing of a point with that many players. */
  timing(players: number): Timing;
}

/** The command line cannot be understood; the message says why. */
export class UsageError extends Error {}

export const usage = `Measures this server and Node-Media-Server 4.4.3 side by side on loopback.

  node bench/run.ts [options]

  --only rtmp,flv,ws   transports (default: all)
  --n 50,200,500       players (default: 50,200,500; --full: 50,200,500,1000)
  --window 12          seconds measured at each point, best a multiple of the 2 s group of pictures
  --reps 2             repetitions; the table shows the median
  --full               12 s windows, two repetitions, up to 1000 players, nginx too when it is installed
  --nginx              also measure nginx with its rtmp module
  --spread             measure the peer against itself: how far apart equal servers come out
  --profile            only our server, under the CPU profiler; lists where the time goes
  --strict             anything but a pass of every goal makes the exit code 1
  --help
`;

/** A longer window would outlive what players that only read may do: WebSocket pings go unanswered. */
const maxWindowS = 30;
const maxPlayers = 5000;

/** @throws UsageError for anything but the options in `usage`; returns null when help was asked for. */
export function readOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parse(args);
  if (values.help) return null;
  const full = values.full ?? false;
  const only = values.only === undefined ? transports : list(values.only).map(transport);
  const players =
    values.n === undefined
      ? full
        ? [50, 200, 500, 1000]
        : [50, 200, 500]
      : list(values.n).map((n) => whole(n, '--n', maxPlayers));
  const windowS = values.window === undefined ? null : whole(values.window, '--window', maxWindowS);
  return {
    transports: only,
    players,
    repetitions: values.reps === undefined ? (full ? 2 : 1) : whole(values.reps, '--reps', 20),
    strict: values.strict ?? false,
    nginx: full || (values.nginx ?? false),
    spread: values.spread ?? false,
    profile: values.profile ?? false,
    timing: (n) => ({
      settleS: full ? 4 : 1.5,
      warmupS: full ? 3 : 1.5,
      windowS: windowS ?? (full ? 12 : n >= 500 ? 6 : 4),
    }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        n: { type: 'string' },
        window: { type: 'string' },
        reps: { type: 'string' },
        full: { type: 'boolean' },
        nginx: { type: 'boolean' },
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

function list(value: string): string[] {
  return value.split(',').map((part) => part.trim());
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
