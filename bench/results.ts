import { z } from 'zod';

/** The ways a player can take a stream. */
export const transports = ['rtmp', 'flv', 'ws'] as const;
export const transport = z.enum(transports);
export type Transport = z.output<typeof transport>;

/** `relaxed` is ours with `play.relaxed`; the floors are bare programs that only write (bench/floor.ts), `relay` one that reads and writes (bench/relay.ts), `lobby` one that lets newcomers in (bench/lobby.ts). */
export const serverName = z.enum(['ours', 'relaxed', 'nms', 'nginx', 'floor', 'floor100', 'relay', 'lobby']);
export type ServerName = z.output<typeof serverName>;

export const suiteNames = [
  'fanout',
  'streams',
  'idle',
  'burst',
  'storm',
  'slow',
  'latency',
  'capacity',
  'link',
  'api',
  'change',
  'soak',
] as const;
export const suiteName = z.enum(suiteNames);
export type SuiteName = z.output<typeof suiteName>;

/** A figure over the repetitions. */
const spread = z.object({ median: z.number(), low: z.number(), high: z.number() });
export type Spread = z.output<typeof spread>;

const figures = z.object({
  repetitions: z.number(),
  /** Microseconds of CPU time of the server per player and second. */
  cpuUsPerPlayerS: spread,
  videoP50Ms: spread,
  videoP99Ms: spread,
  audioP50Ms: spread,
  audioP99Ms: spread,
  /** Growth of the resident memory from before the first player to the end of the window, per player. */
  rssKbPerPlayer: spread,
  bytesPerPlayerS: z.number(),
  /** Players that got less than 95 % of the stream, or were disconnected; the worst repetition. */
  behind: z.number(),
  missingFrames: z.number(),
  /** Other programs were busy in at least one repetition. */
  isDisturbed: z.boolean(),
});
export type Figures = z.output<typeof figures>;

const fanoutRow = z.object({ transport, players: z.number(), figures: z.partialRecord(serverName, figures) });
export type FanoutRow = z.output<typeof fanoutRow>;

const streamsRow = z.object({
  server: serverName,
  streams: z.number(),
  cpuUsPerStreamS: spread,
  videoP50Ms: spread,
  videoP99Ms: spread,
  /** From the empty server to the end of the window. */
  rssMibPerStream: spread,
  behind: z.number(),
  isDisturbed: z.boolean(),
});
export type StreamsRow = z.output<typeof streamsRow>;

const idleRow = z.object({
  server: serverName,
  transport,
  connections: z.number(),
  rssKbEach: spread,
  lost: z.number(),
});
export type IdleRow = z.output<typeof idleRow>;

/** From connect() to the first complete video frame. */
const burstRow = z.object({
  server: serverName,
  transport,
  players: z.number(),
  bursts: z.number(),
  p50Ms: spread,
  p99Ms: spread,
  missed: z.number(),
  isDisturbed: z.boolean(),
});
export type BurstRow = z.output<typeof burstRow>;

const stormRow = z.object({
  server: serverName,
  transport,
  players: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  missed: z.number(),
  watchers: z.number(),
  /** Of the frames of those who watched all the time. */
  watcherP99Ms: z.object({ before: z.number(), meanwhile: z.number(), after: z.number() }),
  isDisturbed: z.boolean(),
});
export type StormRow = z.output<typeof stormRow>;

const slowRow = z.object({
  server: serverName,
  transport,
  healthy: z.number(),
  slow: z.number(),
  /** Seconds from the slow players' arrival until the server had closed the first and the last; null: it did not. */
  firstClosedS: z.number().nullable(),
  lastClosedS: z.number().nullable(),
  openAtEnd: z.number(),
  /** Resident memory over time; 0 s is the arrival of the slow players. */
  memory: z.array(z.object({ atS: z.number(), rssMib: z.number() })),
  rssBeforeMib: z.number(),
  rssPeakMib: z.number(),
  rssEndMib: z.number(),
  healthyP99Ms: z.object({ before: z.number(), meanwhile: z.number(), after: z.number() }),
  healthyLost: z.number(),
  missingFrames: z.number(),
  isDisturbed: z.boolean(),
});
export type SlowRow = z.output<typeof slowRow>;

const latencyRow = z.object({
  server: serverName,
  transport,
  players: z.number(),
  seconds: z.array(z.object({ atS: z.number(), p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number() })),
  isDisturbed: z.boolean(),
});
export type LatencyRow = z.output<typeof latencyRow>;

const capacityRow = z.object({
  server: serverName,
  transport,
  steps: z.array(
    z.object({
      players: z.number(),
      cores: z.number(),
      videoP50Ms: z.number(),
      videoP99Ms: z.number(),
      behind: z.number(),
    }),
  ),
  /** The most players that were all served in full. */
  served: z.number(),
  /** Why more were not served; null: more were not tried. */
  end: z.string().nullable(),
});
export type CapacityRow = z.output<typeof capacityRow>;

const linkRow = z.object({
  server: serverName,
  transport,
  /** TCP's congestion control at the server. */
  congestion: z.string(),
  rttMs: z.number(),
  /** Of the packets, each way. */
  lossPercent: z.number(),
  players: z.number(),
  repetitions: z.number(),
  cpuUsPerPlayerS: spread,
  videoP50Ms: spread,
  videoP99Ms: spread,
  videoMaxMs: spread,
  /** From connect() to the first complete video frame. */
  firstP50Ms: spread,
  firstP99Ms: spread,
  /** The worst repetition: less than 95 % of the stream; connections that ended; frames left out. */
  behind: z.number(),
  lost: z.number(),
  missingFrames: z.number(),
  /** How late the emulated line was itself, p99; the worst repetition. */
  lineLateMs: z.number(),
  isDisturbed: z.boolean(),
});
export type LinkRow = z.output<typeof linkRow>;

/** One player on a worse line than all others. */
const oddRow = z.object({
  server: serverName,
  transport,
  congestion: z.string(),
  /** The odd one's line, in words. */
  line: z.string(),
  others: z.number(),
  othersP99Ms: z.object({ before: z.number(), meanwhile: z.number() }),
  othersLost: z.number(),
  seconds: z.number(),
  videoP50Ms: z.number(),
  videoP99Ms: z.number(),
  videoMaxMs: z.number(),
  /** The median latency of each of its seconds, -1 for one without a frame. */
  latencyMs: z.array(z.number()),
  missingFrames: z.number(),
  isLost: z.boolean(),
  isDisturbed: z.boolean(),
});
export type OddRow = z.output<typeof oddRow>;

const linkResult = z.object({ rows: z.array(linkRow), odd: z.array(oddRow) });
export type LinkResult = z.output<typeof linkResult>;

/** Players who watch while something else goes on. */
const watched = z.object({
  watchers: z.number(),
  lost: z.number(),
  /** Of all watchers together. */
  missingFrames: z.number(),
  p99Ms: z.object({ before: z.number(), meanwhile: z.number(), after: z.number() }),
  isDisturbed: z.boolean(),
});
export type Watched = z.output<typeof watched>;

const apiRow = watched.extend({
  transport,
  workers: z.number(),
  requestsPerS: z.number(),
  answersPerS: z.number(),
  answerP50Ms: z.number(),
  answerP99Ms: z.number(),
  failedAnswers: z.number(),
});
export type ApiRow = z.output<typeof apiRow>;

const changeRow = watched.extend({ transport, workers: z.number(), changes: z.number(), applied: z.number() });
export type ChangeRow = z.output<typeof changeRow>;

const soakState = z.object({
  rssMib: z.number(),
  heapMib: z.number(),
  descriptors: z.number(),
  timers: z.number(),
  sessions: z.number(),
});
export type SoakState = z.output<typeof soakState>;

const soakResult = z.object({
  minutes: z.number(),
  /** While nobody was connected and after a collection of garbage: before the churn and after it. */
  before: soakState,
  after: soakState,
  samples: z.array(soakState.extend({ atS: z.number() })),
  /** Least squares over the samples, without the first sixth. */
  rssSlopeMibPerH: z.number(),
  /** Medians of the second and the last sixth of the samples. */
  rssEarlyMib: z.number(),
  rssLateMib: z.number(),
  publishersCome: z.number(),
  playersCome: z.number(),
  /** Of players that watch one stream all the time. */
  watchers: z.number(),
  watcherP50Ms: z.number(),
  watcherP99Ms: z.number(),
  watchersLost: z.number(),
});
export type SoakResult = z.output<typeof soakResult>;

const suites = z.object({
  fanout: z.array(fanoutRow).optional(),
  streams: z.array(streamsRow).optional(),
  idle: z.array(idleRow).optional(),
  burst: z.array(burstRow).optional(),
  storm: z.array(stormRow).optional(),
  slow: z.array(slowRow).optional(),
  latency: z.array(latencyRow).optional(),
  capacity: z.array(capacityRow).optional(),
  link: linkResult.optional(),
  api: z.array(apiRow).optional(),
  change: z.array(changeRow).optional(),
  soak: soakResult.optional(),
});
/** The results of each suite that was run. */
export type Suites = z.output<typeof suites>;

const verdict = z.object({
  suite: suiteName,
  /** Transport and number, in words. */
  subject: z.string(),
  goal: z.string(),
  measured: z.string(),
  /** `unsure`: not met, but other programs were busy meanwhile and the goal is about time. */
  outcome: z.enum(['pass', 'MISSED', 'unsure']),
});
/** Whether one goal was met. */
export type Verdict = z.output<typeof verdict>;

const failure = z.object({ suite: suiteName, label: z.string(), failed: z.string() });
/** Something that could not be measured. */
export type Failure = z.output<typeof failure>;

/** A results file. */
export const report = z.object({
  machine: z.object({
    date: z.string(),
    commit: z.string().nullable(),
    isClean: z.boolean(),
    processor: z.string(),
    cores: z.number(),
    memoryMiB: z.number(),
    kernel: z.string(),
    congestionControl: z.string(),
    node: z.string(),
    loadAverage: z.number(),
  }),
  mtu: z.number(),
  command: z.string(),
  servers: z.record(z.string(), z.string()),
  stream: z.object({ videoBps: z.number(), audioBps: z.number(), fps: z.number(), gop: z.number() }),
  suites,
  verdicts: z.array(verdict),
  failures: z.array(failure),
});
export type Report = z.output<typeof report>;

/** What bench/micro/run.ts found: the cost of a packet, from runs over one group of pictures. */
export const microReport = z.object({
  node: z.string(),
  packets: z.number(),
  bytes: z.number(),
  rows: z.array(z.object({ name: z.string(), medianUs: z.number(), p99Us: z.number(), gbPerS: z.number() })),
});
export type MicroReport = z.output<typeof microReport>;
