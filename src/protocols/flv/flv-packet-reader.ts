import { ownCopy } from '../../bytes/own-memory.ts';
import { type WireLimits, wireLimits } from '../../media/limits.ts';
import { AVPacket, type Track } from '../../media/packet.ts';
import { fromMillis, type Micros } from '../../media/time.ts';
import { readAudio } from './flv-audio.ts';
import { readData } from './flv-data.ts';
import { flvError } from './flv-error.ts';
import type { Piece, TrackLookup } from './flv-piece.ts';
import { readVideo } from './flv-video.ts';

export type FlvBodyKind = 'audio' | 'video' | 'data' | 'data-amf3';

/** Track ids are bytes; the kinds of one publisher share a map. */
const idsPerKind = 256;

/**
 * Turns the bodies of one publisher's messages (RTMP types 8, 9, 18, 15; FLV tags) into packets. A body it cannot read is a
 * `ProtocolError` (`NMS_PROTOCOL_FLV`, or `NMS_PROTOCOL_AMF` of a data message) and changes nothing: drop that message.
 */
export class FlvPacketReader {
  readonly #limits: WireLimits;
  readonly #tracks = new Map<number, Track>();
  readonly #audio: TrackLookup = (id) => this.#tracks.get(idsPerKind + id);
  readonly #video: TrackLookup = (id) => this.#tracks.get(id);
  /** Milliseconds of the last media message, unwrapped; `null` before the first. */
  #clock: number | null = null;

  constructor(limits: Partial<WireLimits> = {}) {
    this.#limits = { ...wireLimits, ...limits };
  }

  /** The audio and video tracks seen so far, in the order they appeared. */
  get tracks(): readonly Track[] {
    return [...this.#tracks.values()];
  }

  /**
   * The packets of one body, one per track in it, track 0 first; none for what only a server needs. `timestampMs` is the
   * wire's u32.
   */
  read(kind: FlvBodyKind, timestampMs: number, body: Buffer): AVPacket[] {
    const time = this.#unwrap(timestampMs);
    let packets = this.#packetsOf(kind, time, body);
    if (packets.length === 1 && packets[0]!.isMedia && this.#isKnown(packets[0]!.track)) {
      this.#clock = time;
      return packets;
    }
    if (packets.some((packet) => packet.isHeader)) {
      const { maxCommandBytes } = this.#limits;
      if (body.length > maxCommandBytes) {
        throw flvError(`header in a body of ${body.length} bytes exceeds maxCommandBytes ${maxCommandBytes}`);
      }
      // Headers outlive the media that came with them; in its memory they would keep all of that alive.
      packets = this.#packetsOf(kind, time, ownCopy(body));
    }
    if (kind !== 'audio' && kind !== 'video') return packets;
    this.#commit(packets);
    if (packets.some((packet) => packet.isMedia)) this.#clock = time;
    return packets;
  }

  #packetsOf(kind: FlvBodyKind, timeMs: number, body: Buffer): AVPacket[] {
    const dts = fromMillis(timeMs);
    switch (kind) {
      case 'data':
      case 'data-amf3':
        return readData(body, { amf3: kind === 'data-amf3' }, dts, this.#limits);
      case 'video':
        return this.#packets(kind, readVideo(body, this.#video, this.#limits.maxTracks), dts, body);
      case 'audio':
        return this.#packets(kind, readAudio(body, this.#limits.maxTracks), dts, body);
    }
  }

  #packets(kind: 'audio' | 'video', pieces: Piece[], dts: Micros, body: Buffer): AVPacket[] {
    if (pieces.length === 1) return [this.#packet(kind, pieces[0]!, dts, body)];
    // A muxer sends a shared body with the first of its packets, and entry points are told by track 0.
    pieces.sort((a, b) => Number(a.trackId !== 0) - Number(b.trackId !== 0));
    return pieces.map((piece) => this.#packet(kind, piece, dts, body));
  }

  /** RTMP 1.0, 4: stamps wrap after 49 days and are compared as signed 32-bit differences. */
  #unwrap(timestampMs: number): number {
    const clock = this.#clock;
    return clock === null ? timestampMs >>> 0 : clock + ((timestampMs - clock) | 0);
  }

  #packet(kind: 'audio' | 'video', piece: Piece, dts: Micros, origin: Buffer): AVPacket {
    const pts = (dts + piece.cts * 1000 + Math.floor(piece.nanos / 1000)) as Micros;
    const known = kind === 'video' ? this.#video(piece.trackId) : this.#audio(piece.trackId);
    if (known === undefined || !isForeign(known, piece)) {
      return new AVPacket(trackOf(kind, known, piece), piece.type, dts, pts, piece.data, origin);
    }
    const owner = this.tracks.find((track) => track.kind === kind && track.codec === piece.codec);
    if (owner !== undefined) return new AVPacket(owner, piece.type, dts, pts, piece.data, origin);
    const nobody: Track = { id: piece.trackId, kind, codec: 'unknown', config: null };
    return new AVPacket(nobody, 'other', dts, pts, piece.data, origin);
  }

  #isKnown(track: Track): boolean {
    return (track.kind === 'video' ? this.#video(track.id) : this.#audio(track.id)) === track;
  }

  /** Tracks are kept once all of the message is known to be good; what is not understood makes none. */
  #commit(packets: readonly AVPacket[]): void {
    const changed = packets.filter(
      ({ track }) => track.codec !== 'unknown' && this.#tracks.get(keyOf(track)) !== track,
    );
    if (changed.length === 0) return;
    const added = new Set(changed.map(({ track }) => keyOf(track)).filter((key) => !this.#tracks.has(key)));
    if (this.#tracks.size + added.size > this.#limits.maxTracks) {
      throw flvError(`track ${this.#tracks.size + added.size} exceeds maxTracks ${this.#limits.maxTracks}`);
    }
    for (const { track } of changed) this.#tracks.set(keyOf(track), track);
  }
}

/**
 * Does it speak of another codec than its track has? Only configurations and frames change a track's codec: FFmpeg 8 sends
 * the colour of each track of a multitrack stream without its track id. It is given to the track of that codec.
 */
function isForeign(known: Track, { codec, type }: Piece): boolean {
  return (type === 'color' || type === 'channels' || type === 'end') && codec !== known.codec;
}

/** The track as it is after this piece: the same object while nothing changes. */
function trackOf(kind: 'audio' | 'video', known: Track | undefined, piece: Piece): Track {
  const isSame = piece.codec === null || piece.codec === known?.codec;
  const isNews = piece.type === 'config' && known?.config?.equals(piece.data) !== true;
  if (known !== undefined && isSame && !isNews) return known;
  return {
    id: piece.trackId,
    kind,
    codec: piece.codec ?? 'unknown',
    config: piece.type === 'config' ? piece.data : null,
  };
}

function keyOf(track: Track): number {
  return track.kind === 'audio' ? idsPerKind + track.id : track.id;
}
