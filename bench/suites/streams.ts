import { groupBy, spreadOf } from '../figures.ts';
import type { Job, Lab } from '../lab.ts';
import { rssKb } from '../proc.ts';
import type { ServerName, StreamsRow } from '../results.ts';
import { relay } from '../servers.ts';
import { cpuSOf, isDisturbed, type Played, type Published } from '../load-report.ts';
import { joinLimitS } from '../stage.ts';
import { smallStream } from '../stream.ts';
import { settle } from './settle.ts';

const counts = [50, 200, 500];
const quickCounts = [50];
const joinPerS = 500;
/** Publishers open one after the other; with Nagle on at the server a round trip may take 40 ms. */
const openS = 0.02;

interface Sample {
  readonly server: ServerName;
  readonly streams: number;
  readonly emptyKb: number;
  readonly played: Played;
  readonly published: Published;
}

/** Many small streams, one RTMP player each; the floor beside them. */
export function streams(lab: Lab): Job {
  const { options } = lab;
  const samples: Sample[] = [];
  const servers = [...lab.servers.filter((server) => server.transports.includes('rtmp')), relay()];
  const points = Array.from({ length: options.repetitions }).flatMap(() =>
    (options.players ?? (options.isFull ? counts : quickCounts)).flatMap((count) =>
      servers.map((candidate) => ({ candidate, count })),
    ),
  );
  const steps = points.map(({ candidate, count }) => {
    const { settleS, warmupS, windowS } = options.timing(500);
    const seconds = 1 + count * openS + settleS + count / joinPerS + warmupS + windowS;
    return {
      label: `${candidate.name.padEnd(8)} ${String(count).padStart(4)} streams`,
      seconds,
      run: () =>
        lab.withServer(candidate, 2 * seconds + count * 0.1 + 2 * joinLimitS, async (stage) => {
          await settle(0.5);
          const emptyKb = rssKb(stage.pids);
          const publisher = await stage.publish({ shape: smallStream, streams: count });
          await settle(settleS);
          const play = { transport: 'rtmp', players: count, streams: count, shape: smallStream, joinPerS } as const;
          const played = await stage.play({ ...play, warmupS, windowS }).report;
          const published = await publisher.end();
          if (published.lost > 0) throw new Error(`the server dropped ${published.lost} publishers`);
          if (played.started < count) throw new Error(`only ${played.started} of ${count} players saw a video frame`);
          const sample = { server: candidate.name, streams: count, emptyKb, played, published };
          samples.push(sample);
          const late = `video ${played.videoMs.p50.toFixed(1)}, ${played.videoMs.p99.toFixed(1)} ms`;
          return `${cpuUs(sample).toFixed(0)} µs per stream-s  ${late}  ${rssMib(sample).toFixed(2)} MiB per stream`;
        }),
    };
  });
  return { suite: 'streams', steps, finish: () => ({ streams: toRows(samples) }) };
}

function cpuUs({ played, streams: count }: Sample): number {
  return (cpuSOf(played) / played.windowS / count) * 1e6;
}

function rssMib({ played, emptyKb, streams: count }: Sample): number {
  return (played.rssKb - emptyKb) / 1024 / count;
}

function toRows(samples: readonly Sample[]): StreamsRow[] {
  return groupBy(samples, ({ server, streams: count }) => `${server} ${count}`).map((group) => ({
    server: group[0]!.server,
    streams: group[0]!.streams,
    cpuUsPerStreamS: spreadOf(group.map(cpuUs)),
    videoP50Ms: spreadOf(group.map(({ played }) => played.videoMs.p50)),
    videoP99Ms: spreadOf(group.map(({ played }) => played.videoMs.p99)),
    rssMibPerStream: spreadOf(group.map(rssMib)),
    behind: Math.max(...group.map(({ played }) => Math.max(played.behindNominal, played.lost))),
    isDisturbed: group.some(({ played, published }) => isDisturbed(played, published)),
  }));
}
