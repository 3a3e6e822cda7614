import { z } from 'zod';
import { wireLimits } from '../media/limits.ts';
import { ADDRESS_RANGE_WORDS, isAddressRange } from './address-list.ts';
import { authSection } from './config-auth.ts';
import { MAX_TIMER_MS } from './deadline.ts';

const bytes = (fallback: number, help: string) => z.number().int().min(0).default(fallback).describe(help);
const millis = (fallback: number, help: string) =>
  z.number().int().min(0).max(MAX_TIMER_MS).default(fallback).describe(help);
const count = (fallback: number, help: string) => z.number().int().min(1).default(fallback).describe(help);

/** A TCP port; 0 lets the system choose. */
export const portNumber = (fallback: number, help: string) =>
  z.number().int().min(0).max(65535).default(fallback).describe(help);

/** Addresses and ranges of them. */
export const addressRanges = (help: string) =>
  z.array(z.string().refine(isAddressRange, ADDRESS_RANGE_WORDS)).default([]).describe(help);

/** Processes of one server. */
const MAX_WORKERS = 256;

/** The sections that no single server owns. Each key has a type, a default, a range and a sentence of help. */
export const coreSections = {
  bind: z.string().min(1).default('0.0.0.0').describe('the address all listeners bind to; "::" is IPv4 and IPv6'),
  workers: z
    .union([z.literal('auto'), z.number().int().min(1).max(MAX_WORKERS)])
    .default(1)
    .describe(
      'processes that serve behind the same doors; "auto": one per processor, which is what the command uses when nothing is said',
    ),
  drainTimeoutMs: millis(
    10_000,
    'how long peers that are asked to come back, requests and recordings may take to end when the server stops',
  ),
  trustedProxies: addressRanges(
    'addresses of proxies that are believed when they say who their client is: PROXY protocol, X-Forwarded-For',
  ),
  auth: authSection,
  publish: z
    .strictObject({
      graceMs: millis(30_000, 'how long a publisher whose connection dropped keeps his place'),
      stallMs: millis(5_000, 'silence after which another publisher may take the place'),
      takeover: z.boolean().default(false).describe('a second publisher replaces the first at once'),
      idleTimeoutMs: millis(20_000, 'silence after which a publisher is closed; 0: never'),
      timestamps: z
        .enum(['keep', 'zero'])
        .default('keep')
        .describe('players see the publisher’s own timestamps, or ones that start at zero'),
      maxJumpMs: z
        .number()
        .int()
        .min(1000)
        .default(5_000)
        .describe('a larger step of the timestamps is a discontinuity and is closed up'),
      unknown: z
        .enum(['pass', 'drop'])
        .default('pass')
        .describe('what happens to messages with unknown codecs or packet types'),
      maxBytesPerSecond: bytes(125_000_000, 'a faster publisher is slowed down; 0: no limit'),
    })
    .prefault({})
    .describe('publishers'),
  play: z
    .strictObject({
      waitMs: z
        .number()
        .int()
        .min(-1)
        .max(MAX_TIMER_MS)
        .default(10_000)
        .describe('how long a player waits for an absent stream; 0: not at all, -1: for ever'),
      trackWaitMs: millis(500, 'how long an FLV header waits until the kinds of tracks are known'),
      maxBacklogBytes: bytes(4 * 1024 * 1024, 'bytes that may wait for one player before frames are left out'),
      maxBacklogMs: millis(10_000, 'age of the oldest waiting byte before frames are left out'),
      slowTimeoutMs: millis(10_000, 'a player that is behind for longer is closed'),
      maxBatchDelayMs: millis(100, 'how long media may be held back to be written in one piece when the house is full'),
      relaxed: z.boolean().default(false).describe('always hold media back for maxBatchDelayMs: cheaper, later'),
    })
    .prefault({})
    .describe('players'),
  gop: z
    .strictObject({
      enabled: z.boolean().default(true).describe('keep the current group of pictures for newcomers'),
      maxBytes: bytes(16 * 1024 * 1024, 'bytes kept per stream; a larger group is not kept'),
      maxMs: millis(30_000, 'time kept per stream; a longer group is not kept'),
      audioMs: millis(1_000, 'time kept of a stream without video'),
    })
    .prefault({})
    .describe('the current group of pictures, kept for newcomers'),
  limits: z
    .strictObject({
      maxConnections: count(100_000, 'connections in total'),
      maxConnectionsPerAddress: count(10_000, 'connections from one address'),
      handshakeTimeoutMs: millis(10_000, 'time for a handshake, TLS or RTMP'),
      commandTimeoutMs: millis(30_000, 'time from the connection to publish or play'),
      pingIntervalMs: millis(30_000, 'silence after which a peer is asked whether it lives'),
      httpHeaderTimeoutMs: millis(10_000, 'time for the head of an HTTP request'),
      maxHttpHeaderBytes: count(16 * 1024, 'bytes of the head of an HTTP request'),
      maxWebSocketMessageBytes: count(4 * 1024, 'bytes of one WebSocket message from a player'),
      maxMessageBytes: count(wireLimits.maxMessageBytes, 'bytes of one RTMP message or FLV tag'),
      maxPartialBytes: count(wireLimits.maxPartialBytes, 'bytes of all unfinished RTMP messages of one connection'),
      maxChunkStreams: count(wireLimits.maxChunkStreams, 'chunk streams of one RTMP connection'),
      maxMessageStreams: count(wireLimits.maxMessageStreams, 'message streams open at once on one RTMP connection'),
      maxCommandBytes: count(wireLimits.maxCommandBytes, 'bytes of one command or data message'),
      maxAmfDepth: count(wireLimits.maxAmfDepth, 'nesting of AMF values'),
      maxAmfNodes: count(wireLimits.maxAmfNodes, 'values in one AMF message'),
      maxTracks: count(wireLimits.maxTracks, 'tracks of one publisher'),
    })
    .prefault({})
    .describe('limits of connections and of what comes over the wire'),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('the least important lines to write'),
      format: z
        .enum(['auto', 'json', 'pretty'])
        .default('auto')
        .describe('auto: readable on a terminal, JSON elsewhere'),
      sessionIntervalMs: millis(60_000, 'how often the state of each session is logged; 0: never'),
    })
    .prefault({})
    .describe('the log'),
  store: z
    .strictObject({
      path: z.string().min(1).default('./data').describe('the folder for what the server keeps'),
      maxHistory: z
        .number()
        .int()
        .min(0)
        .default(10_000)
        .describe('publishes that the history keeps, and as many plays; the oldest go first; 0: no history'),
      maxHistoryDays: z
        .number()
        .int()
        .min(0)
        .default(0)
        .describe('days after which the history forgets what ended; 0: never for its age'),
      flushInterval: millis(200, 'accepted from Node-Media-Server 4, without effect'),
      maxOps: count(1000, 'accepted from Node-Media-Server 4, without effect'),
      pretty: z.boolean().default(false).describe('accepted from Node-Media-Server 4, without effect'),
      durability: z
        .enum(['none', 'fsync'])
        .default('none')
        .describe('fsync: what is kept survives a power failure too, and every write waits for the disk'),
    })
    .prefault({})
    .describe('what the server keeps on disk'),
  record: z
    .strictObject({
      auto: z.boolean().default(false).describe('record every stream'),
      path: z.string().default('./record').describe('the folder for recordings'),
      flushMs: z
        .number()
        .int()
        .min(10)
        .max(1000)
        .default(250)
        .describe('how often what came is handed to the system: what a killed server has not written at most'),
      maxQueueBytes: count(16 * 1024 * 1024, 'bytes of one recording that may wait for a slow disk before it fails'),
      maxTotalQueueBytes: count(
        256 * 1024 * 1024,
        'bytes of all recordings that may wait for a slow disk before the next one fails that has more',
      ),
    })
    .prefault({})
    .describe('recordings'),
  webadmin: z
    .strictObject({ enable: z.boolean().default(true).describe('serve the page at / and the console') })
    .prefault({})
    .describe('the page and the console'),
};

const coreSchema = z.strictObject(coreSections);
/** The core sections after validation: every key present. */
export type CoreConfig = z.output<typeof coreSchema>;
/** The core sections as an operator writes them: every key optional. */
export type CoreConfigInput = z.input<typeof coreSchema>;
