/** The bits of a NAL unit without its emulation prevention bytes: 03 after 00 00 (ISO/IEC 14496-10, 7.4.1). */
export function unescapeNal(nal: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}
