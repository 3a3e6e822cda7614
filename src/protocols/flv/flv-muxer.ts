import { Slab, type SlabPool } from '../../bytes/slab.ts';
import type { Format, Muxer, StreamState } from '../../media/format.ts';
import type { AVPacket, TrackKind } from '../../media/packet.ts';
import type { Micros } from '../../media/time.ts';
import { type BodyOptions, BodySelector, bodyOptionsName, selectRemembered, wireStamp } from './flv-body.ts';
import { type FlvFraming, framed, frameUnit } from './flv-framing.ts';
import { encodeFlvHeader, flvTagType, tagLength, writeTag } from './flv-tag.ts';

export interface FlvFormatOptions extends BodyOptions {
  readonly framing: FlvFraming;
  /** Memory that muxers of several streams share; says nothing about the bytes. */
  readonly slabs?: SlabPool;
}

/** FLV for players of these options. Equal options make equal names, and so share one muxer. */
export function createFlvFormat(options: FlvFormatOptions): Format<Buffer> {
  return {
    name: `flv/${options.framing}/${bodyOptionsName(options)}`,
    needsTracks: true,
    hasVideo: options.video,
    createMuxer: () => new FlvMuxer(options),
  };
}

class FlvMuxer implements Muxer<Buffer> {
  readonly #options: FlvFormatOptions;
  readonly #selector: BodySelector;
  readonly #slab: Slab;
  readonly #allocate = (size: number) => this.#slab.take(size);

  constructor(options: FlvFormatOptions) {
    this.#options = options;
    this.#slab = options.slabs?.share() ?? new Slab();
    this.#selector = new BodySelector(options);
  }

  begin(stream: StreamState, at: Micros): Buffer[] {
    const remembered = selectRemembered(stream.remembered, this.#options);
    return [
      frameUnit(this.#options.framing, encodeFlvHeader(this.#flags(stream))),
      ...remembered.map(({ packet, body }) => this.#unit(packet, at, body)),
    ];
  }

  mux(packet: AVPacket): Buffer | null {
    const body = this.#selector.select(packet);
    return body === null ? null : this.#unit(packet, packet.dts, body);
  }

  /** Players open a decoder for each flag and wait for it: flags tell what is there, or what may come if nothing is. */
  #flags(stream: StreamState): { hasAudio: boolean; hasVideo: boolean } {
    const { audio, video } = this.#options;
    const isKnown = stream.tracks.some(({ kind }) => kind !== 'data');
    const has = (kind: TrackKind) => !isKnown || stream.tracks.some((track) => track.kind === kind);
    return { hasAudio: audio && has('audio'), hasVideo: video && has('video') };
  }

  #unit(packet: AVPacket, at: Micros, body: Buffer): Buffer {
    const tag = { type: tagTypeOf[packet.track.kind], timestampMs: wireStamp(packet, at), body };
    const { framing } = this.#options;
    return framed(framing, tagLength(body), (target, start) => writeTag(target, start, tag), this.#allocate);
  }
}

const tagTypeOf = { audio: flvTagType.audio, video: flvTagType.video, data: flvTagType.data } as const;
