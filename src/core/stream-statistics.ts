/** What was measured of one track. */
export interface TrackStatistics {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  /** Since the publish began. */
  readonly packets: number;
  readonly bytes: number;
  /** Bits a second over the last seconds; 0 while nothing comes. */
  readonly bitrate: number;
  /** Frames a second over the last seconds, of video; packets a second of audio. */
  readonly frameRate: number;
  /** Keyframes since the publish began; 0 of audio. */
  readonly keyframes: number;
  /** Milliseconds between the last two keyframes; 0 before the second, and of audio. */
  readonly keyframeIntervalMs: number;
  /** Milliseconds of media since the last keyframe, before the first one since the first frame; 0 of audio. */
  readonly sinceKeyframeMs: number;
  /** The largest distance of presentation from decoding seen lately, in milliseconds: above 0 there are B-frames. */
  readonly maxReorderMs: number;
  /** Milliseconds since its last packet, when this was measured. */
  readonly silentMs: number;
}

/** What was measured of a stream's media, in the process that has its publisher. */
export interface StreamStatistics {
  /** Unix milliseconds at which this was measured. */
  readonly at: number;
  readonly tracks: readonly TrackStatistics[];
  /**
   * How far audio is ahead of video in timestamps, relative to when they arrive, both at their best in the last seconds,
   * in milliseconds; 0 without both.
   */
  readonly avSkewMs: number;
  /** Jumps of the publisher's timestamps that were closed up. */
  readonly timestampJumps: number;
  /** Milliseconds of media received for each second of the clock, over the last seconds: 1000 is real time. */
  readonly mediaPerSecond: number;
  /** Bytes that the group of pictures for newcomers holds. */
  readonly gopBytes: number;
}

/** One thing that is wrong with a stream, and what to do about it. */
export interface Advice {
  /** For programs: `keyframe-interval`. */
  readonly code: string;
  readonly severity: 'info' | 'warning' | 'problem';
  /** One sentence for people: what is wrong, what it does, what to change. */
  readonly message: string;
  /** Unix milliseconds. */
  readonly since: number;
}
