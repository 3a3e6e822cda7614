import { AVPacket, type PacketType, type Track } from '../media/packet.ts';
import type { Micros } from '../media/time.ts';

const FIRST_BYTES = 65_536;
const FIRST_PACKETS = 128;
const GROWTH = 1.5;
/** Memory that a row used less than this share of is given back. */
const USED_SHARE = 0.25;
const NOTHING = Buffer.alloc(0);

/**
 * Packets in a row, by value: their bytes one behind the other in one piece of memory, their numbers in arrays of numbers.
 * A row of a hundred packets is some ten objects, which stay; a hundred packets kept as objects for two seconds each, for
 * hundreds of streams, are what garbage collectors are slow at.
 */
export class PacketRow {
  #memory: Buffer = NOTHING;
  #start = 0;
  #end = 0;
  /** Where the numbers of the oldest packet stand. */
  #first = 0;
  #last = 0;
  #numbers = new Float64Array(0);
  #tracks: (Track | null)[] = [];
  #types: (PacketType | null)[] = [];
  #lastOrigin: Buffer | null = null;

  get size(): number {
    return this.#last - this.#first;
  }

  /** Bytes of the messages. */
  get bytes(): number {
    return this.#end - this.#start;
  }

  /** Bytes of memory that are held, used or not. */
  get capacity(): number {
    return this.#memory.length + this.#numbers.byteLength;
  }

  /** Decoding time of the oldest; -1 when there is none. */
  get firstDts(): Micros {
    return (this.size === 0 ? -1 : this.#numbers[this.#first * FIELDS + DTS]) as Micros;
  }

  /** Decoding time of the newest; -1 when there is none. */
  get lastDts(): Micros {
    return (this.size === 0 ? -1 : this.#numbers[(this.#last - 1) * FIELDS + DTS]) as Micros;
  }

  /** Forgets the packets; memory for as many again is kept. */
  clear(): void {
    if (this.#end < this.#memory.length * USED_SHARE && this.#memory.length > FIRST_BYTES) this.#memory = NOTHING;
    this.#start = 0;
    this.#end = 0;
    this.#first = 0;
    this.#last = 0;
    this.#lastOrigin = null;
  }

  /** Forgets the packets and the memory. */
  release(): void {
    this.clear();
    this.#memory = NOTHING;
    this.#numbers = new Float64Array(0);
    this.#tracks = [];
    this.#types = [];
  }

  /** Copies the packet to the end. Packets that came in one message have its bytes once. */
  push(packet: AVPacket): void {
    const { data, origin } = packet;
    const message = origin ?? data;
    const isSame = origin !== null && origin === this.#lastOrigin;
    const at = isSame ? this.#numbers[(this.#last - 1) * FIELDS + MESSAGE_AT]! : this.#copy(message);
    const offset = data.byteOffset - message.byteOffset;
    const isInside = data.buffer === message.buffer && offset >= 0 && offset + data.length <= message.length;
    const dataAt = isInside ? at + offset : this.#copy(data);
    const numbers = this.#roomForNumbers();
    const row = this.#last * FIELDS;
    numbers[row + DTS] = packet.dts;
    numbers[row + PTS] = packet.pts;
    numbers[row + MESSAGE_AT] = at;
    numbers[row + MESSAGE_LENGTH] = origin === null ? NO_ORIGIN : message.length;
    numbers[row + DATA_AT] = dataAt;
    numbers[row + DATA_LENGTH] = data.length;
    this.#tracks[this.#last] = packet.track;
    this.#types[this.#last] = packet.type;
    this.#last++;
    this.#lastOrigin = origin;
  }

  /** Forgets the oldest packet. */
  shift(): void {
    if (this.size === 0) return;
    this.#first++;
    this.#start = this.size === 0 ? this.#end : this.#numbers[this.#first * FIELDS + MESSAGE_AT]!;
  }

  /** The packets, oldest first, in memory of their own. */
  read(): AVPacket[] {
    const memory = Buffer.allocUnsafeSlow(this.bytes);
    this.#memory.copy(memory, 0, this.#start, this.#end);
    const numbers = this.#numbers;
    const packets: AVPacket[] = [];
    let message: Buffer | null = null;
    let messageAt = -1;
    for (let index = this.#first; index < this.#last; index++) {
      const row = index * FIELDS;
      const at = numbers[row + MESSAGE_AT]! - this.#start;
      const length = numbers[row + MESSAGE_LENGTH]!;
      if (length === NO_ORIGIN) message = null;
      else if (message === null || at !== messageAt || length !== message.length)
        message = memory.subarray(at, at + length);
      messageAt = at;
      const dataAt = numbers[row + DATA_AT]! - this.#start;
      const data = memory.subarray(dataAt, dataAt + numbers[row + DATA_LENGTH]!);
      const dts = numbers[row + DTS] as Micros;
      const pts = numbers[row + PTS] as Micros;
      packets.push(new AVPacket(this.#tracks[index]!, this.#types[index]!, dts, pts, data, message));
    }
    return packets;
  }

  #copy(bytes: Buffer): number {
    if (this.#end + bytes.length > this.#memory.length) this.#makeRoom(bytes.length);
    const at = this.#end;
    this.#memory.set(bytes, at);
    this.#end = at + bytes.length;
    return at;
  }

  #makeRoom(bytes: number): void {
    const used = this.bytes;
    const needed = used + bytes;
    const isRoomInFront = needed <= this.#memory.length * USED_SHARE * 2;
    const size = Math.ceil(Math.max(FIRST_BYTES, this.#memory.length, needed * GROWTH));
    const target = isRoomInFront ? this.#memory : Buffer.allocUnsafeSlow(size);
    this.#memory.copy(target, 0, this.#start, this.#end);
    this.#memory = target;
    const moved = this.#start;
    for (let index = this.#first; index < this.#last; index++) {
      this.#numbers[index * FIELDS + MESSAGE_AT]! -= moved;
      this.#numbers[index * FIELDS + DATA_AT]! -= moved;
    }
    this.#start = 0;
    this.#end = used;
  }

  #roomForNumbers(): Float64Array {
    const capacity = this.#numbers.length / FIELDS;
    if (this.#last < capacity) return this.#numbers;
    const { size } = this;
    const isRoomInFront = size < capacity / 2;
    const target = isRoomInFront
      ? this.#numbers
      : new Float64Array(Math.ceil(Math.max(FIRST_PACKETS, size * GROWTH)) * FIELDS);
    if (isRoomInFront) target.copyWithin(0, this.#first * FIELDS, this.#last * FIELDS);
    else target.set(this.#numbers.subarray(this.#first * FIELDS, this.#last * FIELDS));
    this.#tracks = this.#tracks.slice(this.#first, this.#last);
    this.#types = this.#types.slice(this.#first, this.#last);
    this.#numbers = target;
    this.#first = 0;
    this.#last = size;
    return target;
  }
}

/** What stands where among the numbers of one packet. */
const DTS = 0;
const PTS = 1;
const MESSAGE_AT = 2;
const MESSAGE_LENGTH = 3;
const DATA_AT = 4;
const DATA_LENGTH = 5;
const FIELDS = 6;
/** In place of a length: the packet did not come in a message. */
const NO_ORIGIN = -1;
