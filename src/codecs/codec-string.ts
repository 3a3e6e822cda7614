import type { AacConfig } from './aac.ts';
import type { Av1Record } from './av1.ts';
import type { AvcRecord } from './avc.ts';
import type { HevcRecord } from './hevc.ts';
import type { VpxRecord } from './vpx.ts';
import type { VvcProfile } from './vvc.ts';

/** RFC 6381, 3.3: profile, constraints and level in hex. */
export function avcString({ profile, compatibility, level }: AvcRecord): string {
  return `avc1.${hex(profile)}${hex(compatibility)}${hex(level)}`;
}

/** ISO/IEC 14496-15, E.3: profile, compatibility in reverse bit order, tier and level, constraints without trailing zeros. */
export function hevcString(record: HevcRecord): string {
  const space = ['', 'A', 'B', 'C'][record.profileSpace]!;
  const constraints = [...record.constraints];
  while (constraints.at(-1) === 0) constraints.pop();
  return [
    'hvc1',
    `${space}${record.profile}`,
    reverseBits(record.compatibility).toString(16).toUpperCase(),
    `${record.isHighTier ? 'H' : 'L'}${record.level}`,
    ...constraints.map((byte) => byte.toString(16).toUpperCase()),
  ].join('.');
}

/** ISO/IEC 14496-15, E.6, without constraints. */
export function vvcString({ profile, isHighTier, level }: VvcProfile): string {
  return `vvc1.${profile}.${isHighTier ? 'H' : 'L'}${level}`;
}

/** AV1 in ISO-BMFF, 5: profile, level and tier, bit depth. */
export function av1String({ profile, level, isHighTier, bitDepth }: Av1Record): string {
  return `av01.${profile}.${decimal(level)}${isHighTier ? 'H' : 'M'}.${decimal(bitDepth)}`;
}

/** VP Codec ISO Media File Format Binding: profile, level, bit depth; levels start at 1.0. */
export function vpxString(name: string, { profile, level, bitDepth }: VpxRecord): string {
  return `${name}.${decimal(profile)}.${decimal(level === 0 ? 10 : level)}.${decimal(bitDepth)}`;
}

/** RFC 6381, 3.3: object type indication 40 and the audio object type. */
export function aacString({ objectType, hasSbr, hasPs }: Pick<AacConfig, 'objectType' | 'hasSbr' | 'hasPs'>): string {
  return `mp4a.40.${hasPs ? 29 : hasSbr ? 5 : objectType}`;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function decimal(value: number): string {
  return String(value).padStart(2, '0');
}

function reverseBits(value: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed = reversed * 2 + ((value >>> bit) & 1);
  return reversed;
}
