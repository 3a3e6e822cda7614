/** Does `next` begin where `bytes` end, in the same memory? */
function isAdjacent(bytes: Buffer, next: Buffer): boolean {
  return bytes.buffer === next.buffer && bytes.byteOffset + bytes.length === next.byteOffset;
}

/**
 * Neighbours in memory as one view, everything else as it is; no byte is copied. Muxers lay units one behind the other, so
 * what leaves together mostly is one piece already.
 */
export function joinAdjacent(pieces: readonly Buffer[]): Buffer[] {
  const joined: Buffer[] = [];
  for (let i = 0; i < pieces.length; ) {
    const first = pieces[i]!;
    let end = i + 1;
    let length = first.length;
    while (end < pieces.length && isAdjacent(pieces[end - 1]!, pieces[end]!)) length += pieces[end++]!.length;
    joined.push(end === i + 1 ? first : Buffer.from(first.buffer, first.byteOffset, length));
    i = end;
  }
  return joined;
}
