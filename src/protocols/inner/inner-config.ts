import { createHash } from 'node:crypto';

/** Bytes of a configuration's number. */
export const CONFIG_NUMBER_BYTES = 6;
/** In place of a number: the track has no configuration. */
export const NO_CONFIG = 0;

/**
 * What packets call a configuration: made of its bytes, so that all who write packets of a stream say the same. A publisher
 * who finds two with one number confuses his own players.
 */
export function configNumber(config: Buffer): number {
  const digest = createHash('sha256').update(config).digest();
  return digest.readUIntBE(0, CONFIG_NUMBER_BYTES) || 1;
}
