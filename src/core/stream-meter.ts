import { performance } from 'node:perf_hooks';
import type { AVPacket, Track } from '../media/packet.ts';
import type { Counters } from './counters.ts';
import type { StreamStatistics } from './stream-statistics.ts';
import type { Ticker } from './ticker.ts';
import { TrackMeter } from './track-meter.ts';

/** Rates are over so many seconds: a keyframe or a burst of the network is no change of them. */
export const WINDOW_SECONDS = 5;

/** So long a silence is no slowness: some streams have one frame a second. */
const PATIENCE_MS = 2_000;

interface Mark {
  readonly at: number;
  readonly latestDts: number;
  /** When that packet came, or a little before the mark when it is long ago. */
  readonly arrivedAt: number;
}

/** What is known of the stream beside its packets. */
export interface StreamFigures {
  readonly timestampJumps: number;
  readonly gopBytes: number;
}

/** What a meter needs of the Context. */
export interface MeterHost {
  readonly counters: Counters;
  readonly ticker: Ticker;
}

/** Measures one publish: each packet as it passes, everything else once a second. */
export class StreamMeter {
  readonly #counters: Counters;
  readonly #tracks: TrackMeter[] = [];
  /** Met last, and what counts it: nearly every packet is of one of two tracks. */
  #video: Track | null = null;
  #videoMeter: TrackMeter | null = null;
  #audio: Track | null = null;
  #audioMeter: TrackMeter | null = null;
  /** Of media, oldest first; the first is the moment of the first packet. */
  readonly #marks: Mark[] = [];
  readonly #counted = { video: { packets: 0, bytes: 0 }, audio: { packets: 0, bytes: 0 } };
  #statistics: StreamStatistics | null = null;
  #stop: () => void = () => {};

  /** @param counters are told of packets and bytes by kind */
  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** One that samples by itself until `end`. */
  static run(host: MeterHost, read: () => StreamFigures): StreamMeter {
    const meter = new StreamMeter(host.counters);
    meter.#stop = host.ticker.add(() => meter.sample(performance.now(), Date.now(), read()));
    return meter;
  }

  /** What the last sample found; `null` before the first. */
  get statistics(): StreamStatistics | null {
    return this.#statistics;
  }

  /**
   * A packet of media, on the stream's clock.
   * @param now milliseconds of a clock that only goes forward
   */
  add(packet: AVPacket, now: number): void {
    const { track } = packet;
    if (track === this.#video) this.#videoMeter!.add(packet, now);
    else if (track === this.#audio) this.#audioMeter!.add(packet, now);
    else this.#meet(track, packet, now).add(packet, now);
  }

  #meet(track: Track, packet: AVPacket, now: number): TrackMeter {
    if (this.#marks.length === 0) this.#marks.push({ at: now, latestDts: packet.dts, arrivedAt: now });
    const kind = track.kind === 'video' ? 'video' : 'audio';
    let meter = this.#tracks.find((known) => known.kind === kind && known.id === track.id);
    if (meter === undefined) {
      meter = new TrackMeter(track.id, kind, this.#marks.length);
      this.#tracks.push(meter);
    }
    if (kind === 'video') {
      this.#video = track;
      this.#videoMeter = meter;
    } else {
      this.#audio = track;
      this.#audioMeter = meter;
    }
    return meter;
  }

  /** To be called about once a second. @param at unix milliseconds */
  sample(now: number, at: number, figures: StreamFigures): void {
    this.#count();
    const max = WINDOW_SECONDS + 1;
    if (this.#marks.length > 0) {
      const { lastDts: latestDts, lastAt } = this.#tracks.reduce((a, b) => (b.lastDts > a.lastDts ? b : a));
      this.#marks.push({ at: now, latestDts, arrivedAt: Math.max(lastAt, now - PATIENCE_MS) });
      if (this.#marks.length > max) this.#marks.shift();
      for (const meter of this.#tracks) meter.mark(max);
    }
    const first = this.#marks[0];
    const last = this.#marks.at(-1);
    const ms = first === undefined ? 0 : last!.at - first.at;
    this.#statistics = {
      at,
      tracks: this.#tracks.map((meter) => meter.read(now, ms / 1000)),
      avSkewMs: this.#skew(),
      timestampJumps: figures.timestampJumps,
      mediaPerSecond: first === undefined ? 0 : speed(first, last!),
      gopBytes: figures.gopBytes,
    };
  }

  /**
   * How far the timestamps of audio were ahead of their arrival in the window, at best, less the same of video: what both
   * have in common (the network, bursts, the publisher's clock) is gone. At best, because encoders hold sound back until
   * the next picture: of what comes together only the newest is in time.
   */
  #skew(): number {
    const audio = this.#leadOf('audio');
    const video = this.#leadOf('video');
    return audio === null || video === null ? 0 : Math.round(audio - video);
  }

  #leadOf(kind: TrackMeter['kind']): number | null {
    return this.#tracks.find((meter) => meter.kind === kind && meter.id === 0)?.lead ?? null;
  }

  #count(): void {
    for (const kind of ['video', 'audio'] as const) {
      const counted = this.#counted[kind];
      let packets = 0;
      let bytes = 0;
      for (const meter of this.#tracks) {
        if (meter.kind !== kind) continue;
        packets += meter.packets;
        bytes += meter.bytes;
      }
      if (packets === counted.packets) continue;
      this.#counters.count('media_packets', kind, packets - counted.packets);
      this.#counters.count('media_bytes', kind, bytes - counted.bytes);
      counted.packets = packets;
      counted.bytes = bytes;
    }
  }

  /** The publish is over: what came since the last sample is counted. */
  end(): void {
    this.#stop();
    this.#count();
  }
}

/** Milliseconds of media for each second; 0 before there is a distance to measure. */
function speed(first: Mark, last: Mark): number {
  const ms = last.arrivedAt - first.arrivedAt;
  // Microseconds for each millisecond.
  return ms <= 0 ? 0 : Math.round((last.latestDts - first.latestDts) / ms);
}
