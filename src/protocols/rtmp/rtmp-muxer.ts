import { Slab, type SlabPool } from '../../bytes/slab.ts';
import type { Format, Muxer, StreamState } from '../../media/format.ts';
import type { AVPacket } from '../../media/packet.ts';
import type { Micros } from '../../media/time.ts';
import { type BodyOptions, BodySelector, bodyOptionsName, selectRemembered, wireStamp } from '../flv/flv-body.ts';
import { encodeChunks, MAX_MESSAGE_BYTES } from './chunk-writer.ts';
import { ChunkStreamId, MessageType } from './messages/message.ts';

/** What makes one player's bytes differ from another's. */
export interface RtmpFormatOptions extends BodyOptions {
  /** What the player was told by Set Chunk Size. */
  readonly chunkSize: number;
  readonly messageStreamId: number;
  /** Memory that muxers of several streams share; says nothing about the bytes. */
  readonly slabs?: SlabPool;
}

/**
 * RTMP messages, chunked, for players of these options. Equal options make equal names, and so share one muxer. Every
 * message has a full header and the stamp of its decoding time in milliseconds, modulo 2^32; onMetaData has 0.
 */
export function createRtmpFormat(options: RtmpFormatOptions): Format<Buffer> {
  return {
    name: `rtmp/${options.chunkSize}/${options.messageStreamId}/${bodyOptionsName(options)}`,
    needsTracks: false,
    hasVideo: options.video,
    createMuxer: () => new RtmpMuxer(options),
  };
}

class RtmpMuxer implements Muxer<Buffer> {
  readonly #options: RtmpFormatOptions;
  readonly #selector: BodySelector;
  readonly #slab: Slab;
  readonly #allocate = (size: number) => this.#slab.take(size);

  constructor(options: RtmpFormatOptions) {
    this.#options = options;
    this.#slab = options.slabs?.share() ?? new Slab();
    this.#selector = new BodySelector(options);
  }

  begin(stream: StreamState, at: Micros): Buffer[] {
    return selectRemembered(stream.remembered, this.#options).flatMap(
      ({ packet, body }) => this.#unit(packet, at, body) ?? [],
    );
  }

  mux(packet: AVPacket): Buffer | null {
    const body = this.#selector.select(packet);
    return body === null ? null : this.#unit(packet, packet.dts, body);
  }

  /** `null`: converted to another form, it has outgrown what the length field can say. */
  #unit(packet: AVPacket, at: Micros, body: Buffer): Buffer | null {
    const { track } = packet;
    if (body.length > MAX_MESSAGE_BYTES) return null;
    const { chunkSize, messageStreamId } = this.#options;
    const chunkStreamId = track.kind === 'data' ? ChunkStreamId.stream : ChunkStreamId[track.kind];
    const typeId = MessageType[track.kind];
    return encodeChunks(
      { chunkStreamId, timestamp: wireStamp(packet, at), typeId, streamId: messageStreamId },
      body,
      chunkSize,
      this.#allocate,
    );
  }
}
