import { wireLimits } from '../../media/limits.ts';
import type { AmfLimits, AmfValue } from './amf-value.ts';
import { decodeAmf0, encodeAmf0 } from './amf0.ts';

/**
 * The values of a command or data message. With `amf3` (types 15 and 17) the body begins with a format byte 0, which some
 * encoders omit; the values are AMF0 in either case and switch to AMF3 one by one (marker 0x11).
 */
export function decodeAmfMessage(
  bytes: Buffer,
  flavour: { readonly amf3: boolean },
  limits: AmfLimits = wireLimits,
): AmfValue[] {
  return decodeAmf0(flavour.amf3 && bytes[0] === 0 ? bytes.subarray(1) : bytes, limits);
}

/** The body of a command or data message: AMF0 values, after a format byte 0 with `amf3` (types 15 and 17). */
export function encodeAmfMessage(values: readonly AmfValue[], flavour: { readonly amf3: boolean }): Buffer {
  const body = encodeAmf0(values);
  return flavour.amf3 ? Buffer.concat([Buffer.of(0), body]) : body;
}
