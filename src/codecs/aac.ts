import { BitReader } from '../bytes/bit-reader.ts';
import { codecError } from './codec-error.ts';

export interface AacConfig {
  /** audioObjectType of the core: 2 is AAC LC. */
  readonly objectType: number;
  /** Hertz of what is heard: twice the core's with spectral band replication. */
  readonly sampleRate: number;
  /** Channels of what is heard: two of one with parametric stereo. `null` when the configuration does not tell. */
  readonly channels: number | null;
  /** Spectral band replication (HE-AAC), when signalled. */
  readonly hasSbr: boolean;
  /** Parametric stereo (HE-AAC v2), when signalled. */
  readonly hasPs: boolean;
}

const sampleRates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

/** Channels of each channelConfiguration (ISO/IEC 14496-3, 1.6.3.4); 0 stands for a program config element. */
const channelCounts: ReadonlyMap<number, number> = new Map([
  [1, 1],
  [2, 2],
  [3, 3],
  [4, 4],
  [5, 5],
  [6, 6],
  [7, 8],
  [11, 7],
  [12, 8],
  [13, 24],
  [14, 8],
]);

const objectType = { lowComplexity: 2, sbr: 5, parametricStereo: 29, escape: 31 } as const;

/** Object types with a GASpecificConfig (1.6.2.1). */
const generalAudio = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);

/** AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), with explicit and backward compatible HE-AAC signalling. */
export function decodeAacConfig(config: Buffer): AacConfig {
  const bits = new BitReader(config, codecError);
  let type = readObjectType(bits);
  let sampleRate = readSampleRate(bits);
  const channelConfiguration = bits.bits(4);
  const hasPs = type === objectType.parametricStereo;
  const hasSbr = hasPs || type === objectType.sbr;
  if (hasSbr) {
    sampleRate = readSampleRate(bits);
    type = readObjectType(bits);
    if (type === 22) bits.skip(4);
  }
  let channels = channelCounts.get(channelConfiguration) ?? null;
  if (generalAudio.has(type)) channels = readGeneralAudio(bits, type, channelConfiguration) ?? channels;
  const extension = hasSbr ? null : readExtension(bits);
  const stereo = (hasPs || extension?.hasPs === true) && channels === 1 ? 2 : channels;
  return {
    objectType: type,
    sampleRate: extension?.sampleRate ?? sampleRate,
    channels: stereo,
    hasSbr: hasSbr || extension !== null,
    hasPs: hasPs || extension?.hasPs === true,
  };
}

function readObjectType(bits: BitReader): number {
  const type = bits.bits(5);
  return type === objectType.escape ? 32 + bits.bits(6) : type;
}

function readSampleRate(bits: BitReader): number {
  const index = bits.bits(4);
  const rate = index === 15 ? bits.bits(24) : sampleRates[index];
  if (rate === undefined) throw codecError(`AAC sampling frequency index ${index} is reserved`, bits.position >> 3);
  if (rate === 0) throw codecError('AAC sampling frequency is 0 Hz', bits.position >> 3);
  return rate;
}

/** GASpecificConfig (4.4.1); the channels of its program config element, if it has one that tells any. */
function readGeneralAudio(bits: BitReader, type: number, channelConfiguration: number): number | null {
  bits.skip(1);
  if (bits.flag()) bits.skip(14);
  const hasExtension = bits.flag();
  const channels = channelConfiguration === 0 ? readProgramConfig(bits) : null;
  if (type === 6 || type === 20) bits.skip(3);
  if (hasExtension) {
    if (type === 22) bits.skip(16);
    if (type === 17 || type === 19 || type === 20 || type === 23) bits.skip(3);
    bits.skip(1);
  }
  return channels;
}

/** program_config_element (4.4.1.1); counts its channels, `null` for none, and reads to the end of its comment. */
function readProgramConfig(bits: BitReader): number | null {
  bits.skip(4 + 2 + 4);
  const pairs = [bits.bits(4), bits.bits(4), bits.bits(4)];
  const lowFrequency = bits.bits(2);
  const associatedData = bits.bits(3);
  const couplings = bits.bits(4);
  if (bits.flag()) bits.skip(4);
  if (bits.flag()) bits.skip(4);
  if (bits.flag()) bits.skip(3);
  let channels = lowFrequency;
  for (const count of pairs) {
    for (let element = 0; element < count; element++) {
      channels += bits.flag() ? 2 : 1;
      bits.skip(4);
    }
  }
  bits.skip(lowFrequency * 4 + associatedData * 4 + couplings * 5);
  bits.skip(-bits.position & 7);
  bits.skip(bits.bits(8) * 8);
  return channels === 0 ? null : channels;
}

/** The extension after the core's configuration (1.6.2.1, syncExtensionType); `null` when there is none. */
function readExtension(bits: BitReader): { readonly sampleRate: number; readonly hasPs: boolean } | null {
  if (bits.remaining < 16 || bits.bits(11) !== 0x2b7) return null;
  if (readObjectType(bits) !== objectType.sbr || !bits.flag()) return null;
  const sampleRate = readSampleRate(bits);
  const hasPs = bits.remaining >= 12 && bits.bits(11) === 0x548 && bits.flag();
  return { sampleRate, hasPs };
}
