import { wireLimits } from '../../media/limits.ts';
import { amfError } from './amf-error.ts';
import { type AmfLimits, type AmfObject, type AmfValue, AmfXml, classNameOf, isEcmaArray } from './amf-value.ts';
import { AmfWriter } from './amf-writer.ts';
import { amf3Marker as marker } from './amf3.ts';

/** The values one after the other, without references. Throws `ProtocolError` on nesting (a cycle) above `maxAmfDepth`. */
export function encodeAmf3(values: readonly AmfValue[], limits: Pick<AmfLimits, 'maxAmfDepth'> = wireLimits): Buffer {
  const writer = new AmfWriter();
  for (const value of values) writeAmf3(writer, value, limits.maxAmfDepth);
  return writer.result();
}

/** Writes one value; `depth` is how deep it may still nest. */
export function writeAmf3(writer: AmfWriter, value: AmfValue, depth: number): void {
  switch (typeof value) {
    case 'number':
      writeNumber(writer, value);
      return;
    case 'boolean':
      writer.u8(value ? marker.true : marker.false);
      return;
    case 'string':
      writer.u8(marker.string);
      writeBytes(writer, Buffer.from(value));
      return;
    case 'undefined':
      writer.u8(marker.undefined);
      return;
    default:
      writeComplex(writer, value, depth);
  }
}

function writeNumber(writer: AmfWriter, value: number): void {
  if (Number.isInteger(value) && value >= -0x10000000 && value < 0x10000000 && !Object.is(value, -0)) {
    writer.u8(marker.integer);
    writeU29(writer, value & 0x1fffffff);
  } else {
    writer.u8(marker.double);
    writer.f64(value);
  }
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
    writeU29(writer, 1);
    writer.f64(value.getTime());
  } else if (value instanceof AmfXml) {
    writer.u8(marker.xml);
    writeBytes(writer, Buffer.from(value.text));
  } else if (value instanceof Uint8Array) {
    writer.u8(marker.byteArray);
    writeBytes(writer, value);
  } else if (depth <= 0) {
    throw amfError('value nested deeper than maxAmfDepth');
  } else if (Array.isArray(value)) {
    writer.u8(marker.array);
    writeHead(writer, value.length);
    writeName(writer, '');
    for (const item of value) writeAmf3(writer, item, depth - 1);
  } else if (isEcmaArray(value)) {
    writer.u8(marker.array);
    writeHead(writer, 0);
    writeMembers(writer, value, depth);
  } else {
    writer.u8(marker.object);
    // Traits in place (bits 0 and 1), dynamic (bit 3), no sealed members.
    writeU29(writer, 0b1011);
    writeName(writer, classNameOf(value) ?? '');
    writeMembers(writer, value, depth);
  }
}

function writeMembers(writer: AmfWriter, object: AmfObject, depth: number): void {
  for (const key of Object.keys(object)) {
    if (key === '') throw amfError('AMF3 has no empty names');
    writeName(writer, key);
    writeAmf3(writer, object[key], depth - 1);
  }
  writeName(writer, '');
}

function writeName(writer: AmfWriter, name: string): void {
  writeBytes(writer, Buffer.from(name));
}

function writeBytes(writer: AmfWriter, bytes: Buffer): void {
  writeHead(writer, bytes.length);
  writer.bytes(bytes);
}

/** The head of a value in place, of this length. */
function writeHead(writer: AmfWriter, length: number): void {
  if (length > 0xfffffff) throw amfError(`length ${length} exceeds 268435455`);
  writeU29(writer, (length << 1) | 1);
}

function writeU29(writer: AmfWriter, value: number): void {
  if (value >= 0x200000) {
    writer.u8(0x80 | (value >>> 22));
    writer.u8(0x80 | ((value >>> 15) & 0x7f));
    writer.u8(0x80 | ((value >>> 8) & 0x7f));
    writer.u8(value & 0xff);
    return;
  }
  if (value >= 0x4000) writer.u8(0x80 | (value >>> 14));
  if (value >= 0x80) writer.u8(0x80 | ((value >>> 7) & 0x7f));
  writer.u8(value & 0x7f);
}
