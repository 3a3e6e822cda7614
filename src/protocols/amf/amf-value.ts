import type { WireLimits } from '../../media/limits.ts';

export type AmfLimits = Pick<WireLimits, 'maxAmfDepth' | 'maxAmfNodes'>;

/** A value of AMF0 or AMF3. A Buffer is an AMF3 byte array; an object keeps its kind (ECMA array, class) unseen. */
export type AmfValue = number | boolean | string | null | undefined | Date | Buffer | AmfXml | AmfObject | AmfValue[];

/** What decoders make has no prototype, so no key (`__proto__`, `constructor`) means anything special. */
export interface AmfObject {
  [key: string]: AmfValue;
}

/** An XML document: text that is not a string on the wire. */
export class AmfXml {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

const ecmaMark = Symbol('ECMA array');
const classMark = Symbol('class name');

/** A plain AMF object with these entries. */
export function amfObject(entries: Readonly<Record<string, AmfValue>> = {}): AmfObject {
  const object = Object.create(null) as AmfObject;
  for (const key of Object.keys(entries)) object[key] = entries[key];
  return object;
}

/** An object that is encoded as an ECMA array. */
export function ecmaArray(entries: Readonly<Record<string, AmfValue>> = {}): AmfObject {
  return Object.defineProperty(amfObject(entries), ecmaMark, { value: true });
}

/** An object that is encoded with its class's name. */
export function typedObject(className: string, entries: Readonly<Record<string, AmfValue>> = {}): AmfObject {
  return Object.defineProperty(amfObject(entries), classMark, { value: className });
}

/** Was it, or will it be, an ECMA array? */
export function isEcmaArray(object: AmfObject): boolean {
  return ecmaMark in object;
}

/** The class of a typed object; `null` of any other. */
export function classNameOf(object: AmfObject): string | null {
  return (object as { [classMark]?: string })[classMark] ?? null;
}

/** Is it an object with keys, as opposed to an array, a date, bytes, XML or a plain value? */
export function isAmfObject(value: AmfValue): value is AmfObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof AmfXml)
  );
}
