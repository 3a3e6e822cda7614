import { Slab } from '../../bytes/slab.ts';
import type { Format, Muxer, StreamState } from '../../media/format.ts';
import { type AVPacket, MetadataPacket } from '../../media/packet.ts';
import type { Micros } from '../../media/time.ts';
import { CONFIG_NUMBER_BYTES, configNumber, NO_CONFIG } from './inner-config.ts';
import { codecCode, frameType, HEAD_BYTES, kindCode, PACKET_BYTES, packetFlag, typeCode } from './inner-words.ts';

/**
 * Packets as they are, for another process of this server. One unit can be read without the one before it, so players that
 * are behind may miss any; only of packets that came in one message the later ones need the first.
 */
export const innerFormat: Format<Buffer> = {
  name: 'inner',
  needsTracks: false,
  hasVideo: true,
  isPrompt: true,
  createMuxer: () => new InnerMuxer(),
};

/** Where a packet's payload and its message are. */
interface Layout {
  readonly flags: number;
  /** The payload, where it is not in the message. */
  readonly own: Buffer | null;
  readonly origin: Buffer | null;
  readonly offset: number;
}

class InnerMuxer implements Muxer<Buffer> {
  readonly #slab = new Slab();
  /** Configurations are known by identity: a track has the same one as long as it does not change. */
  readonly #numbers = new WeakMap<Buffer, number>();
  #origin: Buffer | null = null;
  #originNumber = 0;

  /** A newcomer knows no configuration yet: each is said before the first packet that refers to it. */
  begin(stream: StreamState, at: Micros): Buffer[] {
    const said = new Set<Buffer>();
    const units: Buffer[] = [];
    const say = (config: Buffer | null) => {
      if (config === null || said.has(config)) return;
      said.add(config);
      units.push(this.#config(config));
    };
    for (const packet of stream.remembered) {
      const { config } = packet.track;
      if (config !== null && isOwnConfig(packet)) said.add(config);
      else say(config);
      units.push(this.mux(packet.at(at)));
    }
    for (const { config } of stream.tracks) say(config);
    return units;
  }

  mux(packet: AVPacket): Buffer {
    const { config } = packet.track;
    if (config === null) return this.#packet(packet, NO_CONFIG);
    const isNew = !this.#numbers.has(config);
    const number = this.#numberOf(config);
    const unit = this.#packet(packet, number);
    return isNew && !isOwnConfig(packet) ? Buffer.concat([this.#config(config), unit]) : unit;
  }

  #numberOf(config: Buffer): number {
    let number = this.#numbers.get(config);
    if (number === undefined) {
      number = configNumber(config);
      this.#numbers.set(config, number);
    }
    return number;
  }

  /**
   * ```
   * u32 length | u8 type 4 | configuration
   * ```
   */
  #config(config: Buffer): Buffer {
    const bytes = this.#frame(frameType.config, config.length);
    config.copy(bytes, HEAD_BYTES);
    return bytes;
  }

  /**
   * ```
   * u32 length | u8 type 5 | u8 kind | u8 codec | u8 type | u8 flags | u32 track | u48 configuration
   * | f64 dts | f64 pts | u32 message | u32 offset | u32 length | payload, unless in the message | message, unless sent
   * ```
   */
  #packet(packet: AVPacket, config: number): Buffer {
    const { track, data } = packet;
    const { flags, own, origin, offset } = this.#layout(packet);
    const bytes = this.#frame(frameType.packet, PACKET_BYTES + (own?.length ?? 0) + (origin?.length ?? 0));
    let at = HEAD_BYTES;
    bytes[at] = kindCode[track.kind];
    bytes[at + 1] = codecCode[track.codec];
    bytes[at + 2] = typeCode[packet.type];
    bytes[at + 3] = flags;
    bytes.writeUInt32BE(track.id >>> 0, at + 4);
    bytes.writeUIntBE(config, at + 8, CONFIG_NUMBER_BYTES);
    bytes.writeDoubleBE(packet.dts, at + 14);
    bytes.writeDoubleBE(packet.pts, at + 22);
    bytes.writeUInt32BE(this.#originNumber, at + 30);
    bytes.writeUInt32BE(offset, at + 34);
    bytes.writeUInt32BE(data.length, at + 38);
    at += PACKET_BYTES;
    if (own !== null) at += own.copy(bytes, at);
    origin?.copy(bytes, at);
    return bytes;
  }

  #layout(packet: AVPacket): Layout {
    const { data, origin } = packet;
    let flags = isOwnConfig(packet) ? packetFlag.isConfig : 0;
    if (origin === null) return { flags, own: data, origin: null, offset: 0 };
    flags |= packetFlag.hasOrigin;
    if (packet instanceof MetadataPacket) flags |= packetFlag.isMetadata;
    const offset = data.byteOffset - origin.byteOffset;
    const isInside = data.buffer === origin.buffer && offset >= 0 && offset + data.length <= origin.length;
    if (isInside) flags |= packetFlag.isInOrigin;
    const isShared = this.#isSent(packet, origin);
    if (isShared) flags |= packetFlag.isShared;
    return { flags, own: isInside ? null : data, origin: isShared ? null : origin, offset: isInside ? offset : 0 };
  }

  /** Headers are written again for each player that begins: they never rely on what was sent to others. */
  #isSent({ dts, isHeader }: AVPacket, origin: Buffer): boolean {
    if (isHeader) return false;
    if (origin === this.#origin) return true;
    this.#origin = origin;
    // What a cache holds is written by another muxer: a number that each counts for itself would mean two messages.
    this.#originNumber = (dts + origin.length) >>> 0;
    return false;
  }

  #frame(type: number, bodyBytes: number): Buffer {
    const bytes = this.#slab.take(HEAD_BYTES + bodyBytes);
    bytes.writeUInt32BE(1 + bodyBytes);
    bytes[4] = type;
    return bytes;
  }
}

/** Is it the packet that brought its track's configuration, or one that says the same? */
function isOwnConfig({ type, track, data }: AVPacket): boolean {
  return type === 'config' && track.config !== null && track.config.equals(data);
}
