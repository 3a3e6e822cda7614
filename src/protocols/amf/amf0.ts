import { ByteReader } from '../../bytes/byte-reader.ts';
import { wireLimits } from '../../media/limits.ts';
import { AmfBudget, type ReferenceTable } from './amf-budget.ts';
import { amfError, checkName } from './amf-error.ts';
import {
  type AmfLimits,
  type AmfObject,
  type AmfValue,
  AmfXml,
  amfObject,
  classNameOf,
  ecmaArray,
  isEcmaArray,
  typedObject,
} from './amf-value.ts';
import { AmfWriter } from './amf-writer.ts';
import { Amf3Decoder } from './amf3.ts';
import { writeAmf3 } from './amf3-encode.ts';

/** AMF0, 2.1: the byte before each value. */
const marker = {
  number: 0,
  boolean: 1,
  string: 2,
  object: 3,
  null: 5,
  undefined: 6,
  reference: 7,
  ecmaArray: 8,
  objectEnd: 9,
  strictArray: 10,
  date: 11,
  longString: 12,
  unsupported: 13,
  xml: 15,
  typedObject: 16,
  amf3: 17,
} as const;

/** All values of a message body. Any failure, whatever the bytes, is a `ProtocolError` (`NMS_PROTOCOL_AMF`). */
export function decodeAmf0(bytes: Buffer, limits: AmfLimits = wireLimits): AmfValue[] {
  const decoder = new Amf0Decoder(new ByteReader(bytes, amfError), limits);
  const values: AmfValue[] = [];
  while (decoder.hasMore) values.push(decoder.value());
  return values;
}

/** The values one after the other, as a command or data message has them. Throws `ProtocolError` on a key above 65535 bytes or nesting (a cycle) above `maxAmfDepth`. */
export function encodeAmf0(values: readonly AmfValue[], limits: Pick<AmfLimits, 'maxAmfDepth'> = wireLimits): Buffer {
  const writer = new AmfWriter();
  for (const value of values) writeAmf0(writer, value, limits.maxAmfDepth);
  return writer.result();
}

/** Reads value after value of one message; references are the message's, not the value's (AMF3, 4.1). */
class Amf0Decoder {
  readonly #reader: ByteReader;
  readonly #budget: AmfBudget;
  readonly #complex: ReferenceTable = [];
  #amf3: Amf3Decoder | null = null;

  constructor(reader: ByteReader, limits: AmfLimits) {
    this.#reader = reader;
    this.#budget = new AmfBudget(limits);
  }

  get hasMore(): boolean {
    return this.#reader.remaining > 0;
  }

  value(): AmfValue {
    const reader = this.#reader;
    const position = reader.position;
    this.#budget.node(position);
    const type = reader.u8();
    switch (type) {
      case marker.number:
        return reader.f64();
      case marker.boolean:
        return reader.u8() !== 0;
      case marker.string:
        return this.#text(reader.u16());
      case marker.longString:
        return this.#text(reader.u32());
      case marker.xml:
        return new AmfXml(this.#text(reader.u32()));
      case marker.null:
        return null;
      case marker.undefined:
      case marker.unsupported:
        return undefined;
      case marker.reference:
        return this.#budget.repeat(this.#complex, reader.u16(), position);
      case marker.date: {
        const milliseconds = reader.f64();
        // The time zone is reserved and ignored (AMF0, 2.13).
        reader.skip(2);
        return new Date(milliseconds);
      }
      case marker.object:
        return this.#properties(amfObject(), position);
      case marker.ecmaArray:
        // The count is a hint: encoders send 0 or a wrong one.
        reader.skip(4);
        return this.#properties(ecmaArray(), position);
      case marker.typedObject:
        return this.#properties(typedObject(this.#name(reader.u16())), position);
      case marker.strictArray:
        return this.#array(position);
      case marker.amf3:
        this.#amf3 ??= new Amf3Decoder(reader, this.#budget);
        return this.#amf3.value();
      default:
        // Movie clip (4) and record set (14) are reserved and have no defined body; 9 ends nothing here.
        throw amfError(`AMF0 marker ${type} is not a value`, position);
    }
  }

  /** AMF0, 2.5: name, value, and so on until an empty name and marker 9; some encoders end with the message instead. */
  #properties(object: AmfObject, position: number): AmfObject {
    const reader = this.#reader;
    return this.#budget.container(this.#complex, object, position, () => {
      while (reader.remaining > 0) {
        const length = reader.u16();
        if (length === 0) {
          if (reader.remaining === 0) return;
          if (reader.peek() === marker.objectEnd) {
            reader.skip(1);
            return;
          }
        }
        const key = this.#name(length);
        object[key] = this.value();
      }
    });
  }

  #array(position: number): AmfValue[] {
    const count = this.#reader.u32();
    if (count > this.#reader.remaining) {
      throw amfError(`strict array of ${count} values in ${this.#reader.remaining} bytes`, position);
    }
    const array: AmfValue[] = [];
    return this.#budget.container(this.#complex, array, position, () => {
      for (let index = 0; index < count; index++) array.push(this.value());
    });
  }

  #name(length: number): string {
    const position = this.#reader.position;
    return checkName(this.#text(length), position);
  }

  #text(length: number): string {
    this.#budget.text(length);
    return this.#reader.take(length).toString('utf8');
  }
}

function writeAmf0(writer: AmfWriter, value: AmfValue, depth: number): void {
  switch (typeof value) {
    case 'number':
      writer.u8(marker.number);
      writer.f64(value);
      return;
    case 'boolean':
      writer.u8(marker.boolean);
      writer.u8(value ? 1 : 0);
      return;
    case 'string':
      writeString(writer, Buffer.from(value));
      return;
    case 'undefined':
      writer.u8(marker.undefined);
      return;
    default:
      writeComplex(writer, value, depth);
  }
}

function writeString(writer: AmfWriter, text: Buffer): void {
  if (text.length <= 0xffff) {
    writer.u8(marker.string);
    writer.u16(text.length);
  } else {
    writer.u8(marker.longString);
    writer.u32(text.length);
  }
  writer.bytes(text);
}

function writeComplex(
  writer: AmfWriter,
  value: Exclude<AmfValue, string | number | boolean | undefined>,
  depth: number,
): void {
  if (value === null) {
    writer.u8(marker.null);
  } else if (value instanceof Date) {
    writer.u8(marker.date);
    writer.f64(value.getTime());
    writer.u16(0);
  } else if (value instanceof AmfXml) {
    const text = Buffer.from(value.text);
    writer.u8(marker.xml);
    writer.u32(text.length);
    writer.bytes(text);
  } else if (value instanceof Uint8Array) {
    // AMF0 has no byte arrays: the value switches to AMF3.
    writer.u8(marker.amf3);
    writeAmf3(writer, value, depth);
  } else if (depth <= 0) {
    throw amfError('value nested deeper than maxAmfDepth');
  } else if (Array.isArray(value)) {
    writer.u8(marker.strictArray);
    writer.u32(value.length);
    for (const item of value) writeAmf0(writer, item, depth - 1);
  } else {
    writeObject(writer, value, depth);
  }
}

function writeObject(writer: AmfWriter, object: AmfObject, depth: number): void {
  const className = classNameOf(object);
  const keys = Object.keys(object);
  if (className !== null) {
    writer.u8(marker.typedObject);
    writeName(writer, className);
  } else if (isEcmaArray(object)) {
    writer.u8(marker.ecmaArray);
    writer.u32(keys.length);
  } else {
    writer.u8(marker.object);
  }
  for (const key of keys) {
    writeName(writer, key);
    writeAmf0(writer, object[key], depth - 1);
  }
  writer.u16(0);
  writer.u8(marker.objectEnd);
}

function writeName(writer: AmfWriter, name: string): void {
  const text = Buffer.from(checkName(name));
  writer.u16(text.length);
  writer.bytes(text);
}
