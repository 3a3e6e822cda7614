import type { AacConfig } from './aac.ts';

const avcProfiles: ReadonlyMap<number, string> = new Map([
  [44, 'CAVLC 4:4:4 Intra'],
  [66, 'Baseline'],
  [77, 'Main'],
  [88, 'Extended'],
  [100, 'High'],
  [110, 'High 10'],
  [118, 'Multiview High'],
  [122, 'High 4:2:2'],
  [128, 'Stereo High'],
  [244, 'High 4:4:4 Predictive'],
]);

/** A profile without a name here is told by its number. */
export function avcProfile(profile: number, compatibility: number): string {
  const isConstrained = profile === 66 && (compatibility & 0x40) !== 0;
  return isConstrained ? 'Constrained Baseline' : (avcProfiles.get(profile) ?? String(profile));
}

/** ISO/IEC 14496-10, A.3: level 1b is 9, or 11 with a constraint. */
export function avcLevel(level: number, compatibility: number): string {
  return level === 9 || (level === 11 && (compatibility & 0x10) !== 0) ? '1b' : (level / 10).toFixed(1);
}

const hevcProfiles = [
  '',
  'Main',
  'Main 10',
  'Main Still Picture',
  'Range Extensions',
  'High Throughput',
  '',
  '',
  '',
  'Screen Content',
];

export function hevcProfile(profile: number): string {
  return hevcProfiles[profile] || String(profile);
}

export function vvcProfile(profile: number): string {
  return profile === 1 ? 'Main 10' : profile === 33 ? 'Main 10 4:4:4' : String(profile);
}

export function av1Profile(profile: number): string {
  return ['Main', 'High', 'Professional'][profile] ?? String(profile);
}

const aacProfiles: ReadonlyMap<number, string> = new Map([
  [1, 'Main'],
  [2, 'LC'],
  [3, 'SSR'],
  [4, 'LTP'],
  [23, 'LD'],
  [39, 'ELD'],
  [42, 'xHE-AAC'],
]);

export function aacProfile({ objectType, hasSbr, hasPs }: Pick<AacConfig, 'objectType' | 'hasSbr' | 'hasPs'>): string {
  if (hasPs) return 'HE-AAC v2';
  return hasSbr ? 'HE-AAC' : (aacProfiles.get(objectType) ?? String(objectType));
}
