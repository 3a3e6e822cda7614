import type { BucketCounts } from '../../core/buckets.ts';
import type { Context } from '../../core/context.ts';
import { Counters } from '../../core/counters.ts';
import { counterName, counterTable, type CounterInfo, protocols, roles } from '../../core/metric-table.ts';
import type { ProcessReport } from '../../core/process-vitals.ts';
import type { Session } from '../../core/session.ts';
import type { Advice } from '../../core/stream-statistics.ts';

type Labels = Readonly<Record<string, string>>;

/** One value of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** One distribution of a metric, in seconds. */
export interface Distribution {
  readonly name: string;
  readonly labels: Labels;
  readonly buckets: BucketCounts;
}

const SEVERITIES: readonly Advice['severity'][] = ['info', 'warning', 'problem'];
const NO_LABELS: Labels = {};
const tableOfCounters: Readonly<Record<string, CounterInfo>> = counterTable;

/** Of our own sessions nobody counts anything. */
function publicSessions({ sessions }: Context): Session[] {
  return [...sessions.values()].filter((session) => !session.internal);
}

/** What was counted, with what the sessions that are still open have counted for themselves. */
export function* counterSamples(context: Context): Generator<Sample> {
  const all = new Counters();
  // A counter that stands at nothing is there all the same: its first step up can be seen.
  for (const [name, { label }] of Object.entries(tableOfCounters)) {
    const [, values] = label ?? [];
    if (typeof values === 'string') continue;
    for (const value of values === undefined ? [''] : Object.keys(values)) all.count(name, value, 0);
  }
  all.add(context.counters.rows());
  for (const { protocol, inBytes, outBytes, droppedFrames } of publicSessions(context)) {
    all.count('bytes_received', protocol, inBytes);
    all.count('bytes_sent', protocol, outBytes);
    all.count('frames_dropped', 'behind', droppedFrames);
  }
  for (const [name, label, value] of all.rows()) {
    const info = tableOfCounters[name];
    if (info === undefined) continue;
    yield { name: counterName(name), labels: info.label === undefined ? NO_LABELS : { [info.label[0]]: label }, value };
  }
}

/** How the server is now. */
export function* stateSamples(context: Context, isReady: boolean): Generator<Sample> {
  const plain = (name: string, value: number): Sample => ({ name, labels: NO_LABELS, value });
  yield plain('nms_ready', isReady ? 1 : 0);
  yield plain('nms_connections', context.connections.total);
  yield plain('nms_store_failing', context.store.isFailing ? 1 : 0);
  yield plain('nms_workers', context.workers.size);
  for (const [name, read] of context.gauges) yield plain(`nms_${name}`, read());
  yield* streamSamples(context);
  const sessions = Object.groupBy(publicSessions(context), ({ protocol, role }) => `${protocol} ${role}`);
  for (const protocol of protocols) {
    for (const role of roles) {
      const value = sessions[`${protocol} ${role}`]?.length ?? 0;
      yield { name: 'nms_sessions', labels: { protocol, role }, value };
    }
  }
}

function* streamSamples(context: Context): Generator<Sample> {
  const streams = [...context.streams.values()];
  for (const status of ['publishing', 'reconnecting']) {
    const value = streams.filter((stream) => stream.status === status).length;
    yield { name: 'nms_streams', labels: { status }, value };
  }
  const advised = [...context.advice.values()].map((advice) => Math.max(...advice.map(rank)));
  for (const [index, severity] of SEVERITIES.entries()) {
    const value = advised.filter((worst) => worst === index).length;
    yield { name: 'nms_streams_advised', labels: { severity }, value };
  }
  const recordings = streams.flatMap(({ streamPath }) => context.recorder?.current(streamPath) ?? []);
  const bytes = recordings.reduce((sum, { size }) => sum + size, 0);
  yield { name: 'nms_recordings', labels: NO_LABELS, value: recordings.length };
  yield { name: 'nms_recording_bytes', labels: NO_LABELS, value: bytes };
}

function rank({ severity }: Advice): number {
  return SEVERITIES.indexOf(severity);
}

/** How one process is. */
export function* processSamples(worker: string, report: ProcessReport): Generator<Sample> {
  const { memory, delayMs, feeds } = report;
  const of = (name: string, value: number, labels: Labels = NO_LABELS): Sample => {
    return { name, labels: { worker, ...labels }, value };
  };
  yield of('nms_gop_bytes', report.gopBytes);
  yield of('nms_feeds', feeds['at once'], { gear: 'at_once' });
  yield of('nms_feeds', feeds['video frame'], { gear: 'video_frame' });
  yield of('nms_feeds', feeds.relaxed, { gear: 'relaxed' });
  for (const stat of ['p50', 'p99', 'max'] as const) {
    yield of('nms_event_loop_delay_seconds', delayMs[stat] / 1000, { stat });
  }
  yield of('nms_event_loop_utilization_ratio', report.utilisation);
  yield of('nms_process_memory_bytes', memory.rss, { kind: 'rss' });
  yield of('nms_process_memory_bytes', memory.heapUsed, { kind: 'heap_used' });
  yield of('nms_process_memory_bytes', memory.heapTotal, { kind: 'heap_total' });
  yield of('nms_process_memory_bytes', memory.external, { kind: 'external' });
  yield of('nms_process_memory_bytes', memory.arrayBuffers, { kind: 'array_buffers' });
  yield of('nms_process_start_time_seconds', report.startedAt / 1000);
  yield of('nms_process_cpu_seconds_total', report.cpuSeconds);
}

/** The distributions of one process. */
export function distributions(worker: string, { passes, delays }: ProcessReport): Distribution[] {
  return [
    { name: 'nms_flush_pass_seconds', labels: { worker }, buckets: passes },
    { name: 'nms_flush_delay_seconds', labels: { worker }, buckets: delays },
  ];
}
