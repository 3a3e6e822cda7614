import type { Micros } from './time.ts';

export type TrackKind = 'video' | 'audio' | 'data';

/** What a track is coded in; `unknown` for what is passed on without being understood. */
export type CodecName =
  | 'avc'
  | 'hevc'
  | 'vvc'
  | 'av1'
  | 'vp8'
  | 'vp9'
  | 'h263'
  | 'screen'
  | 'screen2'
  | 'vp6'
  | 'vp6a'
  | 'jpeg'
  | 'aac'
  | 'mp3'
  | 'opus'
  | 'flac'
  | 'ac3'
  | 'eac3'
  | 'pcm'
  | 'adpcm'
  | 'g711a'
  | 'g711u'
  | 'nellymoser'
  | 'speex'
  | 'device'
  | 'amf0'
  | 'unknown';

/** One elementary stream of a publisher. A new configuration makes a new `Track`; nothing in one changes. */
export interface Track {
  /** 0 unless the publisher sends several of the same kind. */
  readonly id: number;
  readonly kind: TrackKind;
  readonly codec: CodecName;
  /** The decoder configuration record or codec header; `null` before it came and for codecs that have none. */
  readonly config: Buffer | null;
}

/**
 * What a packet is to the broadcast.
 *
 * Remembered for newcomers, one per track, the last one wins:
 * - `metadata`: onMetaData
 * - `config`: a sequence header (decoder configuration)
 * - `color`: HDR information of a video track
 * - `channels`: channel layout of an audio track
 *
 * Flowing:
 * - `key`: a video frame that a decoder can start with
 * - `frame`: any other frame, and all audio and data
 * - `end`: an end of sequence; forwarded, never cached
 * - `other`: not understood; forwarded or dropped by the operator's choice, never cached
 */
export type PacketType = 'metadata' | 'config' | 'color' | 'channels' | 'key' | 'frame' | 'end' | 'other';

/** One timed piece of a stream: immutable, payload by reference. */
export class AVPacket {
  readonly track: Track;
  readonly type: PacketType;
  /** Decoding time on the publisher's clock, unwrapped; after the broadcast's timeline, on the stream's clock. */
  readonly dts: Micros;
  readonly pts: Micros;
  /** The canonical payload, a view: length-prefixed NAL units for AVC, HEVC and VVC, raw frames for the rest. */
  readonly data: Buffer;
  /**
   * The FLV/RTMP message body this came in, untouched; `null` for other transports. Packets of several tracks that came
   * in one message share one `origin` and follow each other.
   */
  readonly origin: Buffer | null;

  constructor(track: Track, type: PacketType, dts: Micros, pts: Micros, data: Buffer, origin: Buffer | null) {
    this.track = track;
    this.type = type;
    this.dts = dts;
    this.pts = pts;
    this.data = data;
    this.origin = origin;
  }

  /** The same packet at another time; `pts` moves by the same amount. */
  at(dts: Micros): AVPacket {
    if (dts === this.dts) return this;
    return new AVPacket(this.track, this.type, dts, (this.pts + (dts - this.dts)) as Micros, this.data, this.origin);
  }

  /** Is it media, as opposed to something that is remembered or not understood? Only media moves the clock. */
  get isMedia(): boolean {
    return (this.type === 'key' || this.type === 'frame') && this.track.kind !== 'data';
  }

  /** Is it remembered for newcomers (and so never dropped for a slow player)? */
  get isHeader(): boolean {
    return this.type === 'config' || this.type === 'metadata' || this.type === 'color' || this.type === 'channels';
  }
}

/** onMetaData, parsed: what the publisher says of its stream. Never relied on for tracks. */
export class MetadataPacket extends AVPacket {
  readonly values: Readonly<Record<string, unknown>>;

  constructor(track: Track, dts: Micros, origin: Buffer, values: Readonly<Record<string, unknown>>) {
    super(track, 'metadata', dts, dts, origin, origin);
    this.values = values;
  }

  override at(dts: Micros): AVPacket {
    return dts === this.dts ? this : new MetadataPacket(this.track, dts, this.data, this.values);
  }
}

/** Codecs that no player can decode without their configuration record. */
export const NEEDS_CONFIG: ReadonlySet<CodecName> = new Set<CodecName>(['avc', 'hevc', 'vvc', 'aac']);
