import type { Advice, TrackStatistics } from '../../core/stream-statistics.ts';
import { NEEDS_CONFIG } from '../../media/packet.ts';
import type { DoctorConfig } from './config.ts';
import type { StreamFacts } from './stream-facts.ts';

/** What is wrong with a stream at this moment. */
export type Finding = Omit<Advice, 'since'>;

type Check = (facts: StreamFacts, limits: DoctorConfig) => Finding | null;

/** Kilobits a second: more is meant as bits by whoever announces it. */
const MAX_PLAUSIBLE_KBPS = 200_000;

/** A keyframe that is so many times later than the last interval is missing. */
const OVERDUE = 1.2;

/** `10 s`, `2.5 s`, `350 ms`. */
function time(ms: number): string {
  if (Math.abs(ms) < 1000) return `${Math.round(ms)} ms`;
  return `${Math.round(ms / 100) / 10} s`;
}

function bits(perSecond: number): string {
  if (perSecond >= 1_000_000) return `${Math.round(perSecond / 100_000) / 10} Mbit/s`;
  return `${Math.round(perSecond / 1000)} kbit/s`;
}

function main(facts: StreamFacts, kind: TrackStatistics['kind']): TrackStatistics | undefined {
  return facts.statistics.tracks.find((track) => track.kind === kind && track.id === 0);
}

/** Does the track go on? One that is silent is somebody else's finding. */
function flows(track: TrackStatistics | undefined, { maxGapMs }: DoctorConfig): track is TrackStatistics {
  return track !== undefined && track.silentMs <= maxGapMs;
}

const keyframeInterval: Check = (facts, limits) => {
  const video = main(facts, 'video');
  const max = limits.maxKeyframeIntervalMs;
  if (!flows(video, limits) || video.keyframes === 0) return null;
  const { keyframeIntervalMs: known, sinceKeyframeMs: since } = video;
  // The next keyframe is often some frames late; one that is later still says more than the last interval.
  const isOverdue = since > Math.max(known * OVERDUE, max);
  const ms = isOverdue ? since : known;
  if (ms <= max) return null;
  return {
    code: 'keyframe-interval',
    severity: ms > max * 2 ? 'problem' : 'warning',
    message:
      `${isOverdue ? `The last keyframe came ${time(ms)} ago` : `Keyframes come every ${time(ms)}`}: after a gap players ` +
      'wait that long for a picture, and newcomers begin up to that far behind the present. Set the keyframe interval ' +
      'to 2 s in the encoder (OBS: Output, Keyframe Interval; ffmpeg: -g with twice the frame rate).',
  };
};

const noKeyframe: Check = (facts, limits) => {
  const video = main(facts, 'video');
  if (!flows(video, limits) || video.keyframes > 0 || video.sinceKeyframeMs <= limits.maxKeyframeIntervalMs)
    return null;
  return {
    code: 'no-keyframe',
    severity: 'problem',
    message:
      `No keyframe has come in ${time(video.sinceKeyframeMs)} of video: players show no picture. Set a keyframe ` +
      'interval of 2 s in the encoder (OBS: Output, Keyframe Interval; ffmpeg: -g with twice the frame rate), and ' +
      'switch off intra refresh.',
  };
};

const timestampJumps: Check = ({ recentJumps }, { jumpMemoryMs }) => {
  if (recentJumps === 0) return null;
  const times = recentJumps === 1 ? 'once' : `${recentJumps} times`;
  return {
    code: 'timestamp-jumps',
    severity: 'warning',
    message:
      `The timestamps jumped ${times} in the last ${time(jumpMemoryMs)}; the gap was closed, and players may stutter ` +
      'there. Restart the encoder; with ffmpeg do not join files of different clocks, or add -fflags +genpts.',
  };
};

const avSkew: Check = (facts, limits) => {
  const { avSkewMs } = facts.statistics;
  const distance = Math.abs(avSkewMs);
  const isBoth = flows(main(facts, 'audio'), limits) && flows(main(facts, 'video'), limits);
  if (!isBoth || distance <= limits.maxSkewMs) return null;
  const [ahead, behind] = avSkewMs > 0 ? ['Sound', 'picture'] : ['Picture', 'sound'];
  return {
    code: 'av-skew',
    severity: distance > limits.maxSkewMs * 3 ? 'problem' : 'warning',
    message:
      `${ahead} comes ${time(distance)} ahead of the ${behind}: players have to hold one back for the other, or are out ` +
      'of step. Set the sync offset of the sources to 0 (OBS: Advanced Audio Properties), or look for a capture device ' +
      'that is late.',
  };
};

const starvation: Check = (facts, limits) => {
  const { tracks, mediaPerSecond } = facts.statistics;
  if (tracks.length === 0) return null;
  const silentMs = Math.min(...tracks.map((track) => track.silentMs));
  const what = silentMs > limits.maxGapMs ? `Nothing has come for ${time(silentMs)}` : slowness(mediaPerSecond, limits);
  if (what === null) return null;
  return {
    code: 'starvation',
    severity: 'problem',
    message:
      `${what}: players run dry and stop. The way from the encoder is too slow, or the encoder is: lower its bitrate ` +
      '(OBS: Output, Video Bitrate), use a faster preset, or a cable in place of Wi-Fi.',
  };
};

function slowness(mediaPerSecond: number, { minSpeed }: DoctorConfig): string | null {
  if (mediaPerSecond >= minSpeed * 1000) return null;
  return `Media comes at ${Math.round(mediaPerSecond / 10)} % of real time`;
}

/** Bits a second; 0: nothing was announced. */
function announced({ metadata }: StreamFacts, name: 'videodatarate' | 'audiodatarate'): number {
  const value = metadata?.[name];
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) return 0;
  return value > MAX_PLAUSIBLE_KBPS ? value : value * 1000;
}

const videoBitrate: Check = (facts, limits) => {
  const said = announced(facts, 'videodatarate');
  const real = facts.bitrate.video;
  if (said === 0 || real === null || !flows(main(facts, 'video'), limits)) return null;
  const isHigh = real > said * limits.maxBitrateShare;
  if (!isHigh && real >= said * limits.minBitrateShare) return null;
  const effect = isHigh
    ? 'players and links that were chosen for the announced bitrate do not keep up. Set a maximum in the encoder ' +
      '(OBS: Rate Control CBR; ffmpeg: -maxrate with -bufsize).'
    : 'the picture is still, or the encoder does not do what it says. Look at its picture, and at dropped frames in ' +
      'its own statistics (OBS: Docks, Stats).';
  return {
    code: 'bitrate',
    severity: isHigh ? 'warning' : 'info',
    message: `The video has ${bits(real)}, and ${bits(said)} were announced: ${effect}`,
  };
};

const noAudio: Check = ({ statistics, metadata }) => {
  if (!statistics.tracks.some(({ kind }) => kind === 'video') || announces(metadata, 'audio')) return null;
  if (statistics.tracks.some(({ kind }) => kind === 'audio')) return null;
  return {
    code: 'no-audio',
    severity: 'info',
    message:
      'There is no sound: some players wait for it a moment before they begin. If that is not meant, give the encoder ' +
      'an audio source (OBS: Audio Mixer; ffmpeg: -map 0:a, or -f lavfi -i anullsrc for silence).',
  };
};

function announces(metadata: StreamFacts['metadata'], kind: TrackStatistics['kind']): boolean {
  if (metadata === null) return false;
  const [codec, has] = kind === 'video' ? ['videocodecid', 'hasVideo'] : ['audiocodecid', 'hasAudio'];
  const { [codec]: id, [has]: said } = metadata;
  if (said === false || id === 0 || id === '') return false;
  return said === true || id !== undefined;
}

const silentTrack: Check = (facts, { maxTrackSilenceMs }) => {
  const { tracks } = facts.statistics;
  if (!tracks.some(({ silentMs }) => silentMs <= maxTrackSilenceMs)) return null;
  for (const kind of ['video', 'audio'] as const) {
    const ours = tracks.filter((track) => track.kind === kind);
    const silent = ours.find(({ silentMs }) => silentMs > maxTrackSilenceMs);
    const [word, source] = kind === 'video' ? ['video', 'a frozen or missing source'] : ['audio', 'a lost device'];
    if (silent !== undefined) {
      return {
        code: `${kind}-silent`,
        severity: 'problem',
        message:
          `The ${word} has stopped ${time(silent.silentMs)} ago, and the rest goes on: players wait for it. Look for ` +
          `${source} in the encoder, and start its stream again.`,
      };
    }
    if (ours.length > 0 || !announces(facts.metadata, kind)) continue;
    return {
      code: `${kind}-silent`,
      severity: 'problem',
      message:
        `The encoder announces ${word} and sends none: players wait for it. Look for ${source}, or switch the ` +
        `${word} off in the encoder.`,
    };
  }
  return null;
};

const sequenceHeader: Check = ({ tracks, statistics }) => {
  const bare = tracks.find(({ kind, id, codec, config }) => {
    const flowing = statistics.tracks.some((track) => track.kind === kind && track.id === id && track.packets > 0);
    return flowing && config === null && NEEDS_CONFIG.has(codec);
  });
  if (bare === undefined) return null;
  return {
    code: 'sequence-header',
    severity: 'problem',
    message:
      `The ${bare.kind} (${bare.codec}) came without its sequence header: players can decode none of it. Start the ` +
      'stream in the encoder again; with ffmpeg add -flags +global_header.',
  };
};

const bFrames: Check = (facts, limits) => {
  const video = main(facts, 'video');
  if (!flows(video, limits) || video.maxReorderMs <= 0) return null;
  return {
    code: 'b-frames',
    severity: 'info',
    message:
      `The video has B-frames: they add ${time(video.maxReorderMs)} of delay, and browsers cannot play them over ` +
      'WebRTC. Where delay matters set B-frames to 0 (OBS: Max B-frames, or x264 option bframes=0; ffmpeg: -bf 0).',
  };
};

const CHECKS: readonly Check[] = [
  noKeyframe,
  keyframeInterval,
  sequenceHeader,
  starvation,
  silentTrack,
  timestampJumps,
  avSkew,
  videoBitrate,
  noAudio,
  bFrames,
];

/** Every code that advice can have. */
export const adviceCodes = [
  'no-keyframe',
  'keyframe-interval',
  'sequence-header',
  'starvation',
  'video-silent',
  'audio-silent',
  'timestamp-jumps',
  'av-skew',
  'bitrate',
  'no-audio',
  'b-frames',
] as const;

/** What is wrong with a stream now, the gravest kinds first; no memory, no clock. */
export function diagnose(facts: StreamFacts, limits: DoctorConfig): Finding[] {
  if (facts.ageMs < limits.graceMs) return [];
  return CHECKS.flatMap((check) => check(facts, limits) ?? []);
}
