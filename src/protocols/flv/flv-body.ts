import { type AVPacket, MetadataPacket } from '../../media/packet.ts';
import { type Micros, toMillis } from '../../media/time.ts';
import {
  audioPacketType,
  type ExHeader,
  type ExPart,
  isEx,
  isolatePart,
  readExHeader,
  unwrapPart,
  videoPacketType,
} from './ex-header.ts';
import { writeBody } from './flv-body-writer.ts';
import { filterMetadata } from './flv-data.ts';
import { convertHevc, type HevcForm } from './hevc-form.ts';

/** What a player of the FLV family wants and understands. */
export interface BodyOptions {
  readonly audio: boolean;
  readonly video: boolean;
  /** `first` is for players that do not know Multitrack: track 0 alone, unwrapped. */
  readonly tracks: 'all' | 'first';
  readonly hevc: HevcForm;
  /** `false`: no colour and no channel layout. Decoders do without; to mpegts.js 1.8 each is a format error. */
  readonly details?: boolean;
}

/** Tells these options from all others, in the name of a format. */
export function bodyOptionsName({ audio, video, tracks, hevc, details }: BodyOptions): string {
  return `${audio ? 'a' : ''}${video ? 'v' : ''}/${tracks}/${hevc}${details === false ? '/bare' : ''}`;
}

/**
 * The FLV/RTMP message body of this packet for such a player: `origin` itself wherever it serves; `null` for nothing. With
 * `tracks: 'all'`, packets of one message yield the same Buffer: send it once (`BodySelector` does).
 */
export function selectBody(packet: AVPacket, options: BodyOptions): Buffer | null {
  const { track, origin } = packet;
  if (track.kind === 'data') {
    if (packet instanceof MetadataPacket && !(options.audio && options.video)) return filterMetadata(packet, options);
    return origin ?? packet.data;
  }
  if (track.kind === 'audio' ? !options.audio : !options.video) return null;
  if (options.tracks === 'first' && track.id !== 0) return null;
  if (options.details === false && (packet.type === 'color' || packet.type === 'channels')) return null;
  if (origin === null) return writeBody(packet, options.hevc);
  const body = options.tracks === 'first' ? unwrap(packet, origin) : origin;
  if (body === null || track.codec !== 'hevc' || track.id !== 0) return body;
  return convertHevc(body, options.hevc, packet.type);
}

/** The bodies for a newcomer, in order, none twice. A message of which a part is outdated is sent in its live parts. */
export function selectRemembered(remembered: readonly AVPacket[], options: BodyOptions): SelectedBody[] {
  const selected: SelectedBody[] = [];
  const done = new Set<Buffer>();
  for (const packet of remembered) {
    const { origin } = packet;
    if (origin !== null && done.has(origin)) continue;
    const body = selectBody(packet, options);
    if (body === null) continue;
    const alone = body === origin ? isolate(packet, origin, remembered) : null;
    if (alone !== null) selected.push({ packet, body: alone });
    else {
      selected.push({ packet, body });
      if (body === origin) done.add(origin);
    }
  }
  return selected;
}

export interface SelectedBody {
  /** The packet it is for, or the first of several. */
  readonly packet: AVPacket;
  readonly body: Buffer;
}

/** `selectBody` for a flow of packets: a message of several tracks is selected with the first of them. */
export class BodySelector {
  readonly options: BodyOptions;
  #origin: Buffer | null = null;
  #trackId = 0;

  constructor(options: BodyOptions) {
    this.options = options;
  }

  select(packet: AVPacket): Buffer | null {
    const { origin, track } = packet;
    if (origin !== null && origin === this.#origin && this.options.tracks === 'all') {
      // The same track once more is the same packet sent again.
      if (track.id !== this.#trackId) return null;
    }
    this.#origin = origin;
    this.#trackId = track.id;
    return selectBody(packet, this.options);
  }
}

/** Track 0's share of a body; the body itself when it is not wrapped, `null` when it cannot be unwrapped. */
function unwrap(packet: AVPacket, origin: Buffer): Buffer | null {
  const header = wrapperOf(packet, origin);
  if (header === null || !header.isMultitrack) return origin;
  const part = partOf(packet, header);
  return part === undefined ? null : unwrapPart(origin, header, part);
}

/** This packet's share of a body that others of its packets no longer need; `null` when the whole body serves. */
function isolate(packet: AVPacket, origin: Buffer, remembered: readonly AVPacket[]): Buffer | null {
  const header = wrapperOf(packet, origin);
  if (header === null || header.parts.length < 2) return null;
  if (remembered.filter((other) => other.origin === origin).length === header.parts.length) return null;
  const part = partOf(packet, header);
  return part === undefined ? null : isolatePart(origin, header, part);
}

/** The head of a body that may be a multitrack one; `null`, without reading further, when it cannot be. */
function wrapperOf(packet: AVPacket, origin: Buffer): ExHeader | null {
  const kind = packet.track.kind === 'audio' ? 'audio' : 'video';
  const types = kind === 'audio' ? audioPacketType : videoPacketType;
  const packetType = origin[0]! & 0x0f;
  if (!isEx(kind, origin) || (packetType !== types.multitrack && packetType !== types.modEx)) return null;
  // The reader has counted its tracks.
  return readExHeader(kind, origin, Number.POSITIVE_INFINITY);
}

/** The part that ends where the packet ends: a packet is a view of its part's end, and no two parts end at one place. */
function partOf(packet: AVPacket, header: ExHeader): ExPart | undefined {
  const end = packet.data.byteOffset + packet.data.length;
  return header.parts.find(({ data }) => data.byteOffset + data.length === end);
}

/** Milliseconds. Metadata is always 0: with another stamp FFmpeg takes onMetaData for a stream of subtitles. */
export function wireStamp(packet: AVPacket, at: Micros): number {
  return packet.type === 'metadata' ? 0 : toMillis(at);
}
