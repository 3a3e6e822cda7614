/**
 * Memory that nothing else shares. What caches keep must not come from Node's pool: a frame of some bytes would hold the
 * 8 KiB around it, and a peer can arrange that each does.
 */
export function ownMemory(size: number): Buffer {
  return Buffer.allocUnsafeSlow(size);
}

/** The bytes, in memory of their own. */
export function ownCopy(bytes: Buffer): Buffer {
  const copy = ownMemory(bytes.length);
  bytes.copy(copy);
  return copy;
}
