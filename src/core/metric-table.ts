/** What a label of a metric holds, in words. */
type Labels = Readonly<Record<string, string>>;

export interface MetricInfo {
  readonly help: string;
  readonly labels?: Labels;
}

/**
 * What a label may hold: a value, and when it is that one ('' where the value says it). They are published as 0 from the
 * start, so that Prometheus sees the first one too.
 */
type Values = Readonly<Record<string, string>>;

export interface CounterInfo {
  readonly help: string;
  /** The name of its one label, and what it holds: in words, or all values, which are there from the start. */
  readonly label?: readonly [name: string, values: string | Values];
}

/** Transports, as sessions name them. */
export const protocols = ['rtmp', 'rtmps', 'http-flv', 'https-flv', 'ws-flv', 'wss-flv'] as const;
/** What sessions are. */
export const roles = ['publisher', 'player', 'idle'] as const;

const named = (values: readonly string[]): Values => Object.fromEntries(values.map((value) => [value, '']));
/** All values of a label in one line. */
function inWords(values: string | Values): string {
  if (typeof values === 'string') return values;
  const parts = Object.entries(values).map(([value, when]) => (when === '' ? `\`${value}\`` : `\`${value}\`: ${when}`));
  return parts.join(Object.values(values).every((when) => when === '') ? ', ' : '; ');
}

const PROTOCOL = ['protocol', named(protocols)] as const;
const CODE = ['code', 'a code of the [error table](errors.md); `other` of what nobody foresaw'] as const;
const KIND = ['kind', named(['video', 'audio'])] as const;
const WORKER = '`primary`, or the number of a worker';

/** Everything that `context.counters` counts. The metric of `name` is `nms_<name>_total`. */
export const counterTable = {
  sessions_started: { help: 'Connections that became sessions.', label: PROTOCOL },
  sessions_ended: { help: 'Sessions that are over, by the code of the reason.', label: CODE },
  publishes_started: { help: 'Publishes that were let in.', label: PROTOCOL },
  plays_started: { help: 'Plays that were let in.', label: PROTOCOL },
  publish_refusals: { help: 'Wishes to publish that were refused.', label: CODE },
  play_refusals: { help: 'Wishes to play that were refused, or found no stream.', label: CODE },
  protocol_errors: { help: 'Sessions that ended because the peer broke its protocol.', label: CODE },
  bytes_received: { help: 'Bytes that sessions received.', label: PROTOCOL },
  bytes_sent: { help: 'Bytes that sessions sent.', label: PROTOCOL },
  media_packets: { help: 'Packets of media that publishers sent.', label: KIND },
  media_bytes: { help: 'Bytes of media that publishers sent, without what their protocol adds.', label: KIND },
  frames_dropped: {
    help: 'Frames and messages that were left out.',
    label: [
      'cause',
      {
        behind: 'a player was too slow',
        early: 'before the first keyframe of a publisher who goes on with a stream',
        limits: 'outside of what the publisher was granted',
        unknown: 'not understood, and `publish.unknown` is `drop`',
      },
    ],
  },
  stream_stalls: { help: 'Times that media stopped coming while its publish went on.' },
  stream_advice: {
    help: 'Times that the ingest doctor found something wrong with a stream.',
    label: ['code', 'a code of the [ingest doctor](../4-operate/ingest-doctor.md)'],
  },
  connections_refused: {
    help: 'Connections that were cut before anything was read from them.',
    label: [
      'cause',
      {
        total: '`limits.maxConnections`',
        address: '`limits.maxConnectionsPerAddress`',
        worker: 'too many wait for a worker',
        proxy: 'a trusted proxy said nothing that makes sense',
      },
    ],
  },
  credential_failures: { help: 'Credentials of publishers and players that were wrong: guesses.' },
  api_login_failures: { help: 'Attempts to sign in to the API that failed.' },
  api_token_failures: {
    help: 'Requests to the API without a token, or with one that it did not accept.',
    label: [
      'reason',
      {
        missing: '',
        invalid: 'not signed by this server, or no token at all',
        expired: '',
        early: 'of the future',
        kind: 'of another kind: a refresh token, say',
        revoked: 'signed out',
        user: 'of somebody who is no user any more',
        password: 'of a user who has another password since',
      },
    ],
  },
  webhook_calls: {
    help: 'Calls of webhooks that tell what happened.',
    label: [
      'result',
      {
        taken: '',
        failed: 'one attempt; there will be another',
        dead: 'given up',
        dropped: 'the outbox was full',
      },
    ],
  },
  webhook_decisions: {
    help: 'Calls of webhooks that ask whether somebody may publish or play.',
    label: ['result', { answered: '', failed: 'no answer that makes sense' }],
  },
  recordings_failed: {
    help: 'Recordings that could not begin, or that an error ended.',
    label: [
      'cause',
      {
        ENOSPC: 'the disk is full; other codes of the system mean what they mean there',
        EIO: '',
        EACCES: '',
        EROFS: '',
        EDQUOT: '',
        EMFILE: '',
        slow: 'the disk is too slow',
        other: '',
      },
    ],
  },
  config_reloads: {
    help: 'Changes of the configuration while the server ran.',
    label: ['result', { ok: 'in force', refused: 'something was wrong: nothing has changed' }],
  },
  worker_deaths: { help: 'Worker processes that died and were replaced.' },
} as const satisfies Readonly<Record<string, CounterInfo>>;

/** What `context.gauges` may measure. The metric of `name` is `nms_<name>`. */
export const measuredTable = {
  webhook_outbox_calls: { help: 'Calls of webhooks that wait.' },
  webhook_outbox_bytes: { help: 'Bytes of the calls of webhooks that wait.' },
} as const satisfies Readonly<Record<string, MetricInfo>>;

/** What is read when the metrics are asked for. */
export const gaugeTable = {
  nms_build_info: { help: 'Always 1.', labels: { version: 'of this server', node: 'of Node.js' } },
  nms_ready: { help: '1: `/ready` says yes.' },
  nms_streams: { help: 'Streams that are live.', labels: { status: '`publishing`, `reconnecting`' } },
  nms_streams_advised: {
    help: 'Streams of which the ingest doctor says something, by the worst of it.',
    labels: { severity: '`info`, `warning`, `problem`' },
  },
  nms_sessions: {
    help: 'Sessions that are open.',
    labels: { protocol: inWords(PROTOCOL[1]), role: inWords(named(roles)) },
  },
  nms_connections: { help: 'Connections that are open, those of the API included.' },
  nms_recordings: { help: 'Recordings that go on.' },
  nms_recording_bytes: { help: 'Bytes of the recordings that go on.' },
  nms_store_failing: { help: '1: the store cannot be written at the moment.' },
  nms_workers: { help: 'Worker processes that report; 0 when one process does everything.' },
  nms_gop_bytes: { help: 'Bytes kept for newcomers, of all streams.', labels: { worker: WORKER } },
  nms_feeds: {
    help: 'Feeds (one format of one stream that somebody plays) by how they write.',
    labels: { worker: WORKER, gear: '`at_once`, `video_frame`, `relaxed`' },
  },
  nms_event_loop_delay_seconds: {
    help: 'By how much the event loop was late in the last 30 to 60 seconds.',
    labels: { worker: WORKER, stat: '`p50`, `p99`, `max`' },
  },
  nms_event_loop_utilization_ratio: {
    help: 'The share of the last second in which the event loop had something to do, 0 to 1.',
    labels: { worker: WORKER },
  },
  nms_process_memory_bytes: {
    help: 'Memory of the process.',
    labels: { worker: WORKER, kind: '`rss`, `heap_used`, `heap_total`, `external`, `array_buffers`' },
  },
  nms_process_start_time_seconds: {
    help: 'When the process began, in unix seconds.',
    labels: { worker: WORKER },
  },
} as const satisfies Readonly<Record<string, MetricInfo>>;

/** Counters that are not counted but read. */
export const readCounterTable = {
  nms_process_cpu_seconds_total: {
    help: 'Processor time of the process, of user and system.',
    labels: { worker: WORKER },
  },
} as const satisfies Readonly<Record<string, MetricInfo>>;

/** Distributions in fixed buckets. */
export const histogramTable = {
  nms_flush_pass_seconds: {
    help: 'One pass over the players of a feed: how long it takes to write to all of them.',
    labels: { worker: WORKER },
  },
  nms_flush_delay_seconds: {
    help: 'How long media was held back to be written in one piece; 0 where it is not.',
    labels: { worker: WORKER },
  },
} as const satisfies Readonly<Record<string, MetricInfo>>;

/** The name in the metrics of what is counted as `name`. */
export function counterName(name: string): string {
  return `nms_${name}_total`;
}

/** One metric as it is published. */
export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: Labels;
}

function list(table: Readonly<Record<string, MetricInfo>>, type: Metric['type'], prefix = ''): Metric[] {
  return Object.entries(table).map(([name, { help, labels = {} }]) => ({ name: prefix + name, type, help, labels }));
}

/** All metrics, in the order in which they are published. */
export function listMetrics(): readonly Metric[] {
  const counters = Object.entries<CounterInfo>(counterTable).map(([name, { help, label }]): Metric => {
    return {
      name: counterName(name),
      type: 'counter',
      help,
      labels: label === undefined ? {} : { [label[0]]: inWords(label[1]) },
    };
  });
  return [
    ...list(gaugeTable, 'gauge'),
    ...list(measuredTable, 'gauge', 'nms_'),
    ...counters,
    ...list(readCounterTable, 'counter'),
    ...list(histogramTable, 'histogram'),
  ];
}
