import type { ByteQueue } from '../../bytes/byte-queue.ts';
import { ownMemory } from '../../bytes/own-memory.ts';
import { Slab } from '../../bytes/slab.ts';
import type { ProtocolError } from '../../errors.ts';
import {
  AVPacket,
  type CodecName,
  MetadataPacket,
  type PacketType,
  type Track,
  type TrackKind,
} from '../../media/packet.ts';
import type { Micros } from '../../media/time.ts';
import { amfObject, isAmfObject } from '../amf/amf-value.ts';
import { decodeAmf0 } from '../amf/amf0.ts';
import { CONFIG_NUMBER_BYTES, configNumber } from './inner-config.ts';
import { innerError } from './inner-error.ts';
import type { InnerLimits } from './inner-limits.ts';
import { codecCode, kindCode, PACKET_BYTES, packetFlag, typeCode } from './inner-words.ts';

const kinds = Object.keys(kindCode) as TrackKind[];
const types = Object.keys(typeCode) as PacketType[];
const codecs = Object.keys(codecCode) as CodecName[];

const headerTypes: ReadonlySet<PacketType> = new Set<PacketType>(['metadata', 'config', 'color', 'channels']);
const allFlags = Object.values(packetFlag).reduce((all, flag) => all | flag, 0);

/** A packet's frame before its bytes. */
interface Head {
  readonly kind: TrackKind;
  readonly codec: CodecName;
  readonly type: PacketType;
  readonly flags: number;
  readonly trackId: number;
  readonly config: number;
  readonly dts: Micros;
  readonly pts: Micros;
  readonly origin: number;
  readonly offset: number;
  readonly length: number;
  /** Of the connection's input. */
  readonly position: number;
}

/** Puts packets together from their frames: knows the tracks, the configurations and the message that came last. */
export class InnerPackets {
  readonly #limits: InnerLimits;
  readonly #slab = new Slab();
  readonly #tracks = new Map<number, Track>();
  /** Oldest first. */
  readonly #configs = new Map<number, Buffer>();
  #origin: Buffer | null = null;
  #originNumber = 0;
  #missed = 0;

  constructor(limits: InnerLimits) {
    this.#limits = limits;
  }

  get missed(): number {
    return this.#missed;
  }

  /** Another publisher's tracks follow: he may have as many as the one before. */
  renew(): void {
    this.#tracks.clear();
  }

  /** Reads a configuration of so many bytes, which are in the queue. */
  addConfig(input: ByteQueue, bytes: number): void {
    this.#checkConfig(bytes, input.position);
    const config = copyOf(input, bytes, ownMemory);
    this.#setConfig(configNumber(config), config);
  }

  /** Reads a packet of so many bytes, `PACKET_BYTES` at least, which are in the queue; `null` when it was missed. */
  read(input: ByteQueue, bytes: number): AVPacket | null {
    const head = readHead(input);
    const has = (flag: number) => (head.flags & flag) !== 0;
    const left = bytes - PACKET_BYTES;
    const ownBytes = has(packetFlag.isInOrigin) ? 0 : head.length;
    if (ownBytes > left) throw failure(head, `a payload of ${ownBytes} bytes in ${left}`);
    const isSent = has(packetFlag.hasOrigin) && !has(packetFlag.isShared);
    if (!isSent && ownBytes !== left) throw failure(head, `${left - ownBytes} bytes behind the payload`);
    if (has(packetFlag.isConfig)) this.#checkConfig(head.length, head.position);

    // Headers outlive the media that came with them; in its memory they would keep all of that alive.
    const isHeader = headerTypes.has(head.type);
    const memory = copyOf(input, left, isHeader ? ownMemory : (size) => this.#slab.take(size));
    const origin = isSent ? memory.subarray(ownBytes) : this.#sharedOrigin(head);
    if (has(packetFlag.isShared) && origin === null) {
      this.#missed++;
      return null;
    }
    if (isSent && !isHeader) {
      this.#origin = origin;
      this.#originNumber = head.origin;
    }
    const isInside = origin !== null && has(packetFlag.isInOrigin);
    return this.#packet(head, isInside ? partOf(head, origin) : memory.subarray(0, ownBytes), origin);
  }

  #sharedOrigin({ flags, origin }: Head): Buffer | null {
    return (flags & packetFlag.isShared) !== 0 && origin === this.#originNumber ? this.#origin : null;
  }

  #packet(head: Head, data: Buffer, origin: Buffer | null): AVPacket {
    if ((head.flags & packetFlag.isConfig) !== 0) {
      if (configNumber(data) !== head.config) throw failure(head, 'a configuration that calls itself another');
      this.#setConfig(head.config, data);
    }
    const track = this.#trackOf(head);
    if ((head.flags & packetFlag.isMetadata) === 0) {
      return new AVPacket(track, head.type, head.dts, head.pts, data, origin);
    }
    if (origin === null || data.length !== origin.length) throw failure(head, 'metadata that is a part of a message');
    const [, info] = decodeAmf0(origin, this.#limits);
    return new MetadataPacket(track, head.dts, origin, info !== undefined && isAmfObject(info) ? info : amfObject());
  }

  #trackOf(head: Head): Track {
    const { kind, codec, trackId: id } = head;
    // A configuration that nobody sent is one that has not come.
    const config = this.#configs.get(head.config) ?? null;
    const key = kindCode[kind] * 0x1_0000_0000 + id;
    const known = this.#tracks.get(key);
    if (known !== undefined && known.codec === codec && known.config === config) return known;
    const track: Track = { id, kind, codec, config };
    if (kind === 'data' || head.type === 'other') return track;
    if (known === undefined && this.#tracks.size >= this.#limits.maxTracks) {
      const message = `track ${this.#tracks.size + 1} exceeds maxTracks ${this.#limits.maxTracks}`;
      throw innerError(message, head.position, 'maxTracks');
    }
    this.#tracks.set(key, track);
    return track;
  }

  #checkConfig(bytes: number, position: number): void {
    const { maxCommandBytes } = this.#limits;
    if (bytes <= maxCommandBytes) return;
    const message = `configuration of ${bytes} bytes exceeds maxCommandBytes ${maxCommandBytes}`;
    throw innerError(message, position, 'maxCommandBytes');
  }

  /** The same once more changes nothing: tracks are told apart by their configuration. */
  #setConfig(number: number, config: Buffer): void {
    const known = this.#configs.get(number);
    this.#configs.delete(number);
    this.#configs.set(number, known ?? config);
    if (this.#configs.size > this.#limits.maxConfigs) this.#configs.delete(this.#configs.keys().next().value!);
  }
}

function copyOf(input: ByteQueue, bytes: number, allocate: (size: number) => Buffer): Buffer {
  const copy = allocate(bytes);
  input.copyTo(copy, 0, bytes);
  return copy;
}

function readHead(input: ByteQueue): Head {
  const position = input.position;
  const bytes = input.take(PACKET_BYTES);
  const kind = kinds[bytes[0]!];
  const codec = codecs[bytes[1]!];
  const type = types[bytes[2]!];
  if (kind === undefined || codec === undefined || type === undefined) {
    throw innerError(`kind ${bytes[0]}, codec ${bytes[1]}, type ${bytes[2]} of a packet`, position);
  }
  const head: Head = {
    kind,
    codec,
    type,
    flags: bytes[3]!,
    trackId: bytes.readUInt32BE(4),
    config: bytes.readUIntBE(8, CONFIG_NUMBER_BYTES),
    dts: bytes.readDoubleBE(14) as Micros,
    pts: bytes.readDoubleBE(22) as Micros,
    origin: bytes.readUInt32BE(30),
    offset: bytes.readUInt32BE(34),
    length: bytes.readUInt32BE(38),
    position,
  };
  checkHead(head);
  return head;
}

function checkHead(head: Head): void {
  const { flags, type, dts, pts } = head;
  const has = (flag: number) => (flags & flag) !== 0;
  const needsOrigin = packetFlag.isShared | packetFlag.isInOrigin | packetFlag.isMetadata;
  const isHeader = headerTypes.has(type);
  const isPossible =
    (flags & ~allFlags) === 0 &&
    (has(packetFlag.hasOrigin) || !has(needsOrigin)) &&
    !(has(packetFlag.isShared) && isHeader) &&
    (!has(packetFlag.isConfig) || type === 'config') &&
    (!has(packetFlag.isMetadata) || (type === 'metadata' && has(packetFlag.isInOrigin)));
  if (!isPossible) throw failure(head, `flags ${flags.toString(2)} of a packet of type ${type}`);
  if (!Number.isSafeInteger(dts) || !Number.isSafeInteger(pts)) throw failure(head, `times ${dts} and ${pts}`);
}

function partOf({ offset, length, position }: Head, origin: Buffer): Buffer {
  if (offset + length > origin.length) {
    throw innerError(`${length} bytes from ${offset} on of a message of ${origin.length}`, position);
  }
  return origin.subarray(offset, offset + length);
}

function failure({ position }: Head, message: string): ProtocolError {
  return innerError(message, position);
}
