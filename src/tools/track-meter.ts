import { describeTrack, type TrackDescription } from '../codecs/describe-track.ts';
import type { AVPacket, CodecName, Track, TrackKind } from '../media/packet.ts';

/** A step of the timestamps that is so many times the usual one is a gap. */
const GAP_FACTOR = 2.5;
/** Shorter steps are jitter of encoders, never gaps, in microseconds. */
const MIN_GAP_MICROS = 80_000;
/** How much one step moves the idea of the usual one. */
const STEP_WEIGHT = 1 / 16;

const CODEC_NAMES: Partial<Record<CodecName, string>> = {
  avc: 'H.264',
  hevc: 'H.265',
  vvc: 'H.266',
  opus: 'Opus',
  eac3: 'E-AC-3',
  ac3: 'AC-3',
  g711a: 'G.711 A-law',
  g711u: 'G.711 µ-law',
  unknown: 'unknown codec',
};

/** What is known of a track, in words: `video: H.264 High 3.0, 640x360, 25 fps (avc1.64001e)`. */
export function trackWords(track: Track, known: TrackDescription): string {
  const codec = [CODEC_NAMES[known.codec] ?? known.codec.toUpperCase(), known.profile, known.level];
  const parts = [codec.filter((part) => part !== undefined).join(' ')];
  if (known.width !== undefined && known.height !== undefined) parts.push(`${known.width}x${known.height}`);
  if (known.frameRate !== undefined) parts.push(`${Number(known.frameRate.toFixed(3))} fps`);
  if (known.sampleRate !== undefined) parts.push(`${known.sampleRate} Hz`);
  if (known.channels !== undefined) parts.push(channelWords(known.channels));
  const id = track.id === 0 ? '' : ` ${track.id}`;
  return `${track.kind}${id}: ${parts.join(', ')}${known.codecString === undefined ? '' : ` (${known.codecString})`}`;
}

function channelWords(channels: number): string {
  if (channels === 1) return 'mono';
  if (channels === 2) return 'stereo';
  return `${channels} channels`;
}

/** Counts the frames of one track, and what is missing between them. */
export class TrackMeter {
  kind: TrackKind = 'data';
  frames = 0;
  keyframes = 0;
  gaps = 0;
  /** Frames that the gaps are long. */
  missing = 0;
  stepsBack = 0;
  #words = '';
  #track: Track | null = null;
  #lastDts: number | null = null;
  #usualStep = 0;

  /** Counts a packet; tells what is news of the track, in words. */
  add(packet: AVPacket): string | null {
    this.kind = packet.track.kind;
    const news = this.#describe(packet);
    if (!packet.isMedia) return news;
    this.frames++;
    if (packet.type === 'key') this.keyframes++;
    this.#measureStep(packet.dts);
    this.#lastDts = packet.dts;
    return news;
  }

  /** Codecs without a configuration tell what they are in each frame: the first one is asked. */
  #describe({ track, type, data }: AVPacket): string | null {
    const isMedia = type === 'key' || type === 'frame';
    if (track === this.#track || (track.config === null && !isMedia)) return null;
    this.#track = track;
    const words = trackWords(track, describeTrack(track, isMedia ? data : undefined));
    if (words === this.#words) return null;
    this.#words = words;
    return words;
  }

  #measureStep(dts: number): void {
    if (this.#lastDts === null) return;
    const step = dts - this.#lastDts;
    if (step < 0) {
      this.stepsBack++;
    } else if (this.#usualStep > 0 && step > Math.max(MIN_GAP_MICROS, this.#usualStep * GAP_FACTOR)) {
      this.gaps++;
      this.missing += Math.round(step / this.#usualStep) - 1;
    } else if (this.#usualStep === 0) {
      this.#usualStep = step;
    } else {
      this.#usualStep += (step - this.#usualStep) * STEP_WEIGHT;
    }
  }
}
