import type { TrackDescription } from '../../src/codecs/describe-track.ts';
import type { CodecName } from '../../src/media/packet.ts';

export interface CodecVector {
  /** What wrote it, and what from. */
  readonly name: string;
  readonly codec: CodecName;
  /** Hex of the configuration record; absent for codecs without one. */
  readonly config?: string;
  /** Hex of the beginning of a frame. */
  readonly frame?: string;
  readonly description: Omit<TrackDescription, 'codec'>;
}

/** Decoder configurations as encoders write them; sizes, rates and profiles are what the encoder was told. */
export const codecVectors: readonly CodecVector[] = [
  {
    name: 'x264, High, 320x180, B frames',
    codec: 'avc',
    config: '0164000dffe1001a6764000dacd941419f9f0110000003001000000303c0f142996001000668ebe3cb22c0fdf8f800',
    description: { profile: 'High', level: '1.3', width: 320, height: 180, frameRate: 30, codecString: 'avc1.64000d' },
  },
  {
    name: 'x264, Baseline, 1920x1080 (8 lines cropped)',
    codec: 'avc',
    config: '0142c028ffe100196742c028da01e0089f97011000000300100000030320f1832a01000468ce0fc8',
    description: {
      profile: 'Constrained Baseline',
      level: '4.0',
      width: 1920,
      height: 1080,
      frameRate: 25,
      codecString: 'avc1.42c028',
    },
  },
  {
    name: 'x264, Main, 1920x1080 interlaced',
    codec: 'avc',
    config: '014d4028ffe10019674d4028f403c0227ef011000003000100000300321f162ea001000468de0fc8',
    description: {
      profile: 'Main',
      level: '4.0',
      width: 1920,
      height: 1080,
      frameRate: 25,
      codecString: 'avc1.4d4028',
    },
  },
  {
    name: 'x264, 4:4:4, 322x182 at 30000/1001',
    codec: 'avc',
    config: '01f4000dffe1001967f4000d919b282a33c7c5e022000007d20001d4c01e28532c01000668ebe3c44844fff8f800',
    description: {
      profile: 'High 4:4:4 Predictive',
      level: '1.3',
      width: 322,
      height: 182,
      frameRate: 30000 / 1001,
      codecString: 'avc1.f4000d',
    },
  },
  {
    name: 'x264, 4:2:2 of 10 bits, 640x362 at 50',
    codec: 'avc',
    config: '017a001fffe1001a677a001fb6cd940a02ff9f0110000003001000000640f183196001000668ebe3cb22c0fefafa00',
    description: {
      profile: 'High 4:2:2',
      level: '3.1',
      width: 640,
      height: 362,
      frameRate: 50,
      codecString: 'avc1.7a001f',
    },
  },
  {
    name: 'x265, Main, 1920x1080 (8 lines cropped)',
    codec: 'hevc',
    config:
      '01016000000090000000000078f000fcfdf8f800000f03200001001840010c01ffff016000000300900000030000030078959809' +
      '210001002a420101016000000300900000030000030078a003c08010e596566924caf0168080000003008000000f0422000100074401c172b46240',
    description: { profile: 'Main', level: '4.0', width: 1920, height: 1080, codecString: 'hvc1.1.6.L120.90' },
  },
  {
    name: 'x265, Main 10, high tier, 322x182',
    codec: 'hevc',
    config:
      '01222000000090000000000099f000fcfdfafa00000f03200001001840010c01ffff222000000300900000030000030099959809' +
      '210001002c420101222000000300900000030000030099a00a480b9c94d96566924caf016808000003000800000300f04022000100074401c172b46240',
    description: { profile: 'Main 10', level: '5.1 high', width: 322, height: 182, codecString: 'hvc1.2.4.H153.90' },
  },
  {
    name: 'made by the specification: Main 10, level 5.1, 3 sub-layers, 1920x1080 at 59.94',
    codec: 'vvc',
    config: 'ff 0031 5f 01 02 53 80 80 20 00 0780 0438 3bf0'.replaceAll(' ', ''),
    description: {
      profile: 'Main 10',
      level: '5.1',
      width: 1920,
      height: 1080,
      frameRate: 0x3bf0 / 256,
      codecString: 'vvc1.1.L83',
    },
  },
  {
    name: 'SVT-AV1, 642x360',
    codec: 'av1',
    config: '81010c000a0b0000000cc5036700be0010',
    description: { profile: 'Main', level: '2.1', width: 642, height: 360, codecString: 'av01.0.01M.08' },
  },
  {
    name: 'libaom, 10 bits, 322x180',
    codec: 'av1',
    config: '81004c000a0b000000043d06ccdaf94040',
    description: { profile: 'Main', level: '2.0', width: 322, height: 180, codecString: 'av01.0.00M.10' },
  },
  {
    name: 'the video descriptor of MPEG-2 TS',
    codec: 'av1',
    config: '800481294c00',
    description: { profile: 'High', level: '4.1', codecString: 'av01.1.09M.10' },
  },
  {
    name: 'libvpx, 4:4:4',
    codec: 'vp9',
    config: '01000000010b870202000000',
    description: { profile: '1', level: '1.1', codecString: 'vp09.01.11.08' },
  },
  {
    name: 'without version and flags',
    codec: 'vp9',
    config: '021fa20101010000',
    description: { profile: '2', level: '3.1', codecString: 'vp09.02.31.10' },
  },
  { name: 'without a record', codec: 'vp8', description: { codecString: 'vp08.00.10.08' } },
  {
    name: 'FFmpeg, LC, 48 kHz stereo',
    codec: 'aac',
    config: '119056e500',
    description: { profile: 'LC', sampleRate: 48000, channels: 2, codecString: 'mp4a.40.2' },
  },
  {
    name: 'two bytes only',
    codec: 'aac',
    config: '1210',
    description: { profile: 'LC', sampleRate: 44100, channels: 2, codecString: 'mp4a.40.2' },
  },
  {
    name: 'FFmpeg, 5.1',
    codec: 'aac',
    config: '123056e500',
    description: { profile: 'LC', sampleRate: 44100, channels: 6, codecString: 'mp4a.40.2' },
  },
  {
    name: 'FFmpeg, octagonal: a program config element',
    codec: 'aac',
    config: '118004c848002008c8200d4c61766335392e33372e31303056e500',
    description: { profile: 'LC', sampleRate: 48000, channels: 8, codecString: 'mp4a.40.2' },
  },
  {
    name: 'a program config element, then backward compatible HE-AAC',
    codec: 'aac',
    config: '130004c848002008c8200d4c61766335392e33372e31303056e598',
    description: { profile: 'HE-AAC', sampleRate: 48000, channels: 8, codecString: 'mp4a.40.5' },
  },
  {
    name: 'explicit HE-AAC (object type 5)',
    codec: 'aac',
    config: '2b118800',
    description: { profile: 'HE-AAC', sampleRate: 48000, channels: 2, codecString: 'mp4a.40.5' },
  },
  {
    name: 'explicit HE-AAC v2 (object type 29)',
    codec: 'aac',
    config: 'eb098800',
    description: { profile: 'HE-AAC v2', sampleRate: 48000, channels: 2, codecString: 'mp4a.40.29' },
  },
  {
    name: 'backward compatible HE-AAC',
    codec: 'aac',
    config: '131056e598',
    description: { profile: 'HE-AAC', sampleRate: 48000, channels: 2, codecString: 'mp4a.40.5' },
  },
  {
    name: 'backward compatible HE-AAC v2',
    codec: 'aac',
    config: '130856e59d4880',
    description: { profile: 'HE-AAC v2', sampleRate: 48000, channels: 2, codecString: 'mp4a.40.29' },
  },
  {
    name: 'a rate of its own',
    codec: 'aac',
    config: '17802ee008',
    description: { profile: 'LC', sampleRate: 24000, channels: 1, codecString: 'mp4a.40.2' },
  },
  {
    name: 'libopus',
    codec: 'opus',
    config: '4f707573486561640102380180bb0000000000',
    description: { sampleRate: 48000, channels: 2, codecString: 'opus' },
  },
  { name: 'an empty header', codec: 'opus', config: '', description: { sampleRate: 48000, codecString: 'opus' } },
  {
    name: 'FFmpeg, with its magic',
    codec: 'flac',
    config: '664c614300000022120012000000c70005110bb802f000002580d9b81de011fef694f3e1d33694c8ae61',
    description: { sampleRate: 48000, channels: 2, codecString: 'flac' },
  },
  {
    name: 'STREAMINFO alone',
    codec: 'flac',
    config: '120012000000c70005110ac442f000002580d9b81de011fef694f3e1d33694c8ae61',
    description: { sampleRate: 44100, channels: 2, codecString: 'flac' },
  },
  {
    name: 'LAME, 48 kHz',
    codec: 'mp3',
    frame: 'fffb5400',
    description: { sampleRate: 48000, channels: 2, codecString: 'mp4a.6b' },
  },
  {
    name: 'LAME, 22.05 kHz mono',
    codec: 'mp3',
    frame: 'fff370c0',
    description: { sampleRate: 22050, channels: 1, codecString: 'mp4a.6b' },
  },
  { name: 'before its first frame', codec: 'mp3', description: { codecString: 'mp4a.6b' } },
  {
    name: 'FFmpeg, 5.1',
    codec: 'ac3',
    frame: '0b7728191e40ebf8403eff99',
    description: { sampleRate: 48000, channels: 6, codecString: 'ac-3' },
  },
  {
    name: 'FFmpeg, 32 kHz stereo',
    codec: 'ac3',
    frame: '0b770b5b944043e106a0be79',
    description: { sampleRate: 32000, channels: 2, codecString: 'ac-3' },
  },
  {
    name: 'FFmpeg, 44.1 kHz 5.1',
    codec: 'eac3',
    frame: '0b7703ce7f87c00020000000',
    description: { sampleRate: 44100, channels: 6, codecString: 'ec-3' },
  },
  { name: 'G.711', codec: 'g711a', description: { sampleRate: 8000 } },
  { name: 'nothing to say', codec: 'h263', description: {} },
];
