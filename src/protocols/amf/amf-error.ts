import { ProtocolError } from '../../errors.ts';

const maxNameBytes = 0xffff;

/** The one error of AMF: `position` is the byte of the message (or `-1` when a value could not be encoded). */
export function amfError(message: string, position = -1): ProtocolError {
  return new ProtocolError('NMS_PROTOCOL_AMF', position < 0 ? message : `${message} (AMF byte ${position})`, {
    position,
    section: 'AMF0 2, AMF3 3',
  });
}

/**
 * The name, if AMF0 can write it. Decoders ask too, so that what was decoded can be encoded: AMF3 has longer names, and
 * bytes that are not UTF-8 grow when they become text.
 */
export function checkName(name: string, position = -1): string {
  if (name.length * 3 > maxNameBytes) {
    const bytes = Buffer.byteLength(name);
    if (bytes > maxNameBytes) throw amfError(`name of ${bytes} bytes exceeds ${maxNameBytes}`, position);
  }
  return name;
}
