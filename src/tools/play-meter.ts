import type { AVPacket } from '../media/packet.ts';
import { counted, readableBytes, readableRate } from './readable.ts';
import { TrackMeter } from './track-meter.ts';
import { readStamp } from './wall-clock.ts';

/** Stamped frames whose latency is kept for the summary: an hour of 25 a second. */
const MAX_LATENCIES = 90_000;

/** A frame's arrival: `unixMs` to compare with stamps, `clockMs` for durations. */
export interface Arrival {
  readonly unixMs: number;
  readonly clockMs: number;
}

/** Counts what a player receives. */
export class PlayMeter {
  readonly #tracks = new Map<string, TrackMeter>();
  /** Milliseconds from sending to arrival, of live frames that carry a stamp. */
  readonly #latencies: number[] = [];
  #firstMedia: Arrival | null = null;
  /** The smallest difference between arrival and timestamp: what came without delay. */
  #leastOffset = Number.POSITIVE_INFINITY;
  #mostDelay = 0;
  #cachedFrames = 0;
  #bytes = 0;
  #malformed = 0;
  #interval = { since: 0, bytes: 0, frames: 0, latency: 0, stamped: 0, delay: 0 };

  /** When the first media came, on the clock of durations; `null` before. */
  get firstMediaAt(): number | null {
    return this.#firstMedia?.clockMs ?? null;
  }

  addBytes(count: number): void {
    this.#bytes += count;
    this.#interval.bytes += count;
  }

  addMalformed(): void {
    this.#malformed++;
  }

  /** Counts a packet; tells what is news of its track, in words. */
  add(packet: AVPacket, arrival: Arrival): string | null {
    const { track } = packet;
    if (track.kind === 'data') return null;
    const key = `${track.kind} ${track.id}`;
    let meter = this.#tracks.get(key);
    if (meter === undefined) {
      meter = new TrackMeter();
      this.#tracks.set(key, meter);
    }
    if (packet.isMedia) {
      if (this.#firstMedia === null) {
        this.#firstMedia = arrival;
        this.#interval.since = arrival.clockMs;
      }
      if (track.kind === 'video') this.#interval.frames++;
      this.#addDelay(packet, arrival);
    }
    return meter.add(packet);
  }

  #addDelay(packet: AVPacket, { unixMs, clockMs }: Arrival): void {
    const offset = clockMs - packet.dts / 1000;
    this.#leastOffset = Math.min(this.#leastOffset, offset);
    const stamp = packet.track.codec === 'avc' ? readStamp(packet.data) : null;
    if (stamp === null) {
      this.#interval.delay = Math.max(this.#interval.delay, offset - this.#leastOffset);
      this.#mostDelay = Math.max(this.#mostDelay, offset - this.#leastOffset);
    } else if (this.#firstMedia !== null && stamp < this.#firstMedia.unixMs) {
      this.#cachedFrames++;
    } else {
      this.#interval.latency += unixMs - stamp;
      this.#interval.stamped++;
      if (this.#latencies.length < MAX_LATENCIES) this.#latencies.push(unixMs - stamp);
    }
  }

  /** The state since the last call, in one line. */
  takeState(clockMs: number): string {
    const { since, bytes, frames, latency, stamped, delay } = this.#interval;
    const seconds = Math.max(0.001, (clockMs - since) / 1000);
    const parts = [readableRate((bytes * 8) / seconds)];
    if (this.#count('video') > 0) parts.push(`${(frames / seconds).toFixed(1)} fps`);
    if (stamped > 0) parts.push(`latency ${Math.round(latency / stamped)} ms`);
    else parts.push(`late by up to ${Math.round(delay)} ms`);
    parts.push(this.#troubles());
    this.#interval = { since: clockMs, bytes: 0, frames: 0, latency: 0, stamped: 0, delay: 0 };
    return parts.filter((part) => part !== '').join('  ');
  }

  /** All of it, in a few lines. */
  summary(clockMs: number): string[] {
    const seconds = this.#firstMedia === null ? 0 : (clockMs - this.#firstMedia.clockMs) / 1000;
    const frames = this.#count('video');
    const keys = [...this.#tracks.values()].reduce((total, meter) => total + meter.keyframes, 0);
    const media = [
      ...(frames > 0 ? [`${counted(frames, 'video frame')} (${counted(keys, 'keyframe')})`] : []),
      ...(this.#count('audio') > 0 ? [counted(this.#count('audio'), 'audio frame')] : []),
    ];
    const lines = [`received ${seconds.toFixed(1)} s, ${[...media, readableBytes(this.#bytes)].join(', ')}`];
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)];
    if (median !== undefined) {
      lines.push(`latency from publisher to here: ${sorted[0]} to ${sorted.at(-1)} ms, median ${median} ms`);
    } else if (frames + this.#count('audio') > 0) {
      lines.push(`frames came up to ${Math.round(this.#mostDelay)} ms later than the promptest`);
    }
    if (this.#cachedFrames > 0)
      lines.push(`began with ${counted(this.#cachedFrames, 'frame')} from the server's memory`);
    lines.push(this.#troubles() || 'no gaps');
    return lines;
  }

  #count(kind: 'video' | 'audio'): number {
    let count = 0;
    for (const meter of this.#tracks.values()) if (meter.kind === kind) count += meter.frames;
    return count;
  }

  #troubles(): string {
    let [gaps, missing, steps] = [0, 0, 0];
    for (const meter of this.#tracks.values()) {
      gaps += meter.gaps;
      missing += meter.missing;
      steps += meter.stepsBack;
    }
    const parts = [];
    if (gaps > 0) parts.push(`${counted(gaps, 'gap')} (${counted(missing, 'frame')} missing)`);
    if (steps > 0) parts.push(`${counted(steps, 'step')} back in time`);
    if (this.#malformed > 0) parts.push(`${counted(this.#malformed, 'message')} malformed`);
    return parts.join(', ');
  }
}
