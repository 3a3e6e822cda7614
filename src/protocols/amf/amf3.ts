import { ByteReader } from '../../bytes/byte-reader.ts';
import { wireLimits } from '../../media/limits.ts';
import { AmfBudget, type ReferenceTable } from './amf-budget.ts';
import { amfError, checkName } from './amf-error.ts';
import { type AmfLimits, type AmfValue, AmfXml, amfObject, ecmaArray, typedObject } from './amf-value.ts';

/** AMF3, 3.1: the byte before each value. */
export const amf3Marker = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  integer: 4,
  double: 5,
  string: 6,
  xmlDocument: 7,
  date: 8,
  array: 9,
  object: 10,
  xml: 11,
  byteArray: 12,
  vectorInt: 13,
  vectorUint: 14,
  vectorDouble: 15,
  vectorObject: 16,
  dictionary: 17,
} as const;

interface Traits {
  readonly className: string;
  readonly isDynamic: boolean;
  readonly isExternalizable: boolean;
  readonly members: readonly string[];
  /** Of all names together. */
  readonly bytes: number;
}

/** All AMF3 values until the end, without the AMF0 around them. Any failure is a `ProtocolError` (`NMS_PROTOCOL_AMF`). */
export function decodeAmf3(bytes: Buffer, limits: AmfLimits = wireLimits): AmfValue[] {
  const reader = new ByteReader(bytes, amfError);
  const decoder = new Amf3Decoder(reader, new AmfBudget(limits));
  const values: AmfValue[] = [];
  while (reader.remaining > 0) values.push(decoder.value());
  return values;
}

/** Reads AMF3 values with the reference tables of one message. */
export class Amf3Decoder {
  readonly #reader: ByteReader;
  readonly #budget: AmfBudget;
  readonly #strings: { readonly text: string; readonly bytes: number }[] = [];
  readonly #objects: ReferenceTable = [];
  readonly #traits: Traits[] = [];

  constructor(reader: ByteReader, budget: AmfBudget) {
    this.#reader = reader;
    this.#budget = budget;
  }

  value(): AmfValue {
    const reader = this.#reader;
    const position = reader.position;
    this.#budget.node(position);
    const type = reader.u8();
    switch (type) {
      case amf3Marker.undefined:
        return undefined;
      case amf3Marker.null:
        return null;
      case amf3Marker.false:
        return false;
      case amf3Marker.true:
        return true;
      case amf3Marker.integer:
        // 29 bits with a sign.
        return (this.#u29() << 3) >> 3;
      case amf3Marker.double:
        return reader.f64();
      case amf3Marker.string:
        return this.#string();
      case amf3Marker.xmlDocument:
      case amf3Marker.xml:
        return this.#referable((length) =>
          this.#budget.share(this.#objects, new AmfXml(reader.take(length).toString('utf8')), length),
        );
      case amf3Marker.byteArray:
        return this.#referable((length) => this.#budget.share(this.#objects, reader.take(length), length));
      case amf3Marker.date:
        return this.#referable(() => this.#budget.share(this.#objects, new Date(reader.f64()), 0));
      case amf3Marker.array:
        return this.#referable((count) => this.#array(count, position));
      case amf3Marker.object:
        return this.#referable((flags) => this.#object(flags, position));
      case amf3Marker.vectorInt:
      case amf3Marker.vectorUint:
      case amf3Marker.vectorDouble:
      case amf3Marker.vectorObject:
        return this.#referable((count) => this.#vector(type, count, position));
      case amf3Marker.dictionary:
        return this.#referable((count) => this.#dictionary(count, position));
      default:
        throw amfError(`AMF3 marker ${type} is not a value`, position);
    }
  }

  /** AMF3, 1.3.1: 7 bits a byte, most significant first; the fourth byte has 8. */
  #u29(): number {
    let value = 0;
    for (let count = 0; count < 3; count++) {
      const byte = this.#reader.u8();
      value = (value << 7) | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return (value << 8) | this.#reader.u8();
  }

  /** The low bit tells a value in place (the rest is its length) from the index of one that came before. */
  #referable(read: (length: number) => AmfValue): AmfValue {
    const position = this.#reader.position;
    const head = this.#u29();
    return (head & 1) === 1 ? read(head >> 1) : this.#budget.repeat(this.#objects, head >> 1, position);
  }

  #string(): string {
    const position = this.#reader.position;
    const head = this.#u29();
    if ((head & 1) === 1) {
      const bytes = head >> 1;
      this.#budget.text(bytes);
      const text = this.#reader.take(bytes).toString('utf8');
      // The empty string is never sent by reference and has no index.
      if (bytes > 0) this.#strings.push({ text, bytes });
      return text;
    }
    const shared = this.#strings[head >> 1];
    if (shared === undefined) throw amfError(`reference ${head >> 1} of ${this.#strings.length} strings`, position);
    this.#budget.repeatText(shared.bytes, position);
    return shared.text;
  }

  #name(): string {
    const position = this.#reader.position;
    return checkName(this.#string(), position);
  }

  /** AMF3, 3.11: named values until an empty name, then `count` values without names. */
  #array(count: number, position: number): AmfValue {
    this.#checkCount(count, 1, position);
    const name = this.#name();
    if (name === '') {
      const array: AmfValue[] = [];
      return this.#budget.container(this.#objects, array, position, () => {
        for (let index = 0; index < count; index++) array.push(this.value());
      });
    }
    const mixed = ecmaArray();
    return this.#budget.container(this.#objects, mixed, position, () => {
      for (let key = name; key !== ''; key = this.#name()) mixed[key] = this.value();
      for (let index = 0; index < count; index++) mixed[index] = this.value();
    });
  }

  /** AMF3, 3.12: traits (or a reference to them), the values of the sealed members, then dynamic members. */
  #object(flags: number, position: number): AmfValue {
    const traits = this.#readTraits(flags, position);
    if (traits.isExternalizable) {
      // Such a class writes bytes that only it can read.
      throw amfError(`externalizable class "${traits.className}" has no known form`, position);
    }
    const object = traits.className === '' ? amfObject() : typedObject(traits.className);
    return this.#budget.container(this.#objects, object, position, () => {
      for (const name of traits.members) object[name] = this.value();
      if (!traits.isDynamic) return;
      for (let name = this.#name(); name !== ''; name = this.#name()) object[name] = this.value();
    });
  }

  #readTraits(flags: number, position: number): Traits {
    if ((flags & 1) === 0) {
      const traits = this.#traits[flags >> 1];
      if (traits === undefined) throw amfError(`reference ${flags >> 1} of ${this.#traits.length} traits`, position);
      this.#budget.repeatText(traits.bytes, position);
      return traits;
    }
    const isExternalizable = (flags & 2) !== 0;
    const isDynamic = (flags & 4) !== 0;
    const count = isExternalizable ? 0 : flags >> 3;
    const className = this.#name();
    this.#checkCount(count, 1, position);
    let bytes = className.length;
    const members: string[] = [];
    for (let index = 0; index < count; index++) {
      this.#budget.node(position);
      const name = this.#name();
      bytes += name.length;
      members.push(name);
    }
    const traits = { className, isDynamic, isExternalizable, members, bytes };
    this.#traits.push(traits);
    return traits;
  }

  /** AMF3, 3.15: a byte that says whether the length is fixed, then the items, which have no markers but in object vectors. */
  #vector(type: number, count: number, position: number): AmfValue {
    this.#checkCount(count, type === amf3Marker.vectorObject ? 1 : type === amf3Marker.vectorDouble ? 8 : 4, position);
    const reader = this.#reader;
    reader.skip(1);
    if (type === amf3Marker.vectorObject) this.#string();
    const array: AmfValue[] = [];
    return this.#budget.container(this.#objects, array, position, () => {
      for (let index = 0; index < count; index++) {
        if (type === amf3Marker.vectorObject) {
          array.push(this.value());
          continue;
        }
        this.#budget.node(reader.position);
        if (type === amf3Marker.vectorDouble) array.push(reader.f64());
        else array.push(type === amf3Marker.vectorInt ? reader.u32() | 0 : reader.u32());
      }
    });
  }

  /** AMF3, 3.16; keys that are objects themselves have no counterpart here. */
  #dictionary(count: number, position: number): AmfValue {
    this.#checkCount(count, 2, position);
    this.#reader.skip(1);
    const object = amfObject();
    return this.#budget.container(this.#objects, object, position, () => {
      for (let index = 0; index < count; index++) {
        const at = this.#reader.position;
        const key = this.value();
        if (typeof key === 'object' || key === undefined) throw amfError('dictionary key is not a plain value', at);
        object[checkName(String(key), at)] = this.value();
      }
    });
  }

  #checkCount(count: number, bytesEach: number, position: number): void {
    if (count * bytesEach > this.#reader.remaining) {
      throw amfError(`${count} values in ${this.#reader.remaining} bytes`, position);
    }
  }
}
