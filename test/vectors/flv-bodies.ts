import type { CodecName, PacketType } from '../../src/media/packet.ts';

export interface PieceVector {
  /** Default 0. */
  readonly id?: number;
  readonly codec: CodecName;
  readonly type: PacketType;
  /** pts - dts, microseconds; default 0. */
  readonly offset?: number;
  /** Hex of the canonical payload. */
  readonly data: string;
}

export interface BodyVector {
  readonly name: string;
  readonly kind: 'audio' | 'video';
  /** Hex; blanks are for the reader. */
  readonly body: string;
  readonly packets: readonly PieceVector[];
}

export const avcRecord = '0142c00dffe100196742c00dd901419f9f0110000003001000000303c0f142a48001000568cb83cb20';
export const hevcRecord =
  '01016000000090000000000078f000fcfdf8f800000f03200001001840010c01ffff016000000300900000030000030078959809' +
  '210001002a420101016000000300900000030000030078a003c08010e596566924caf0168080000003008000000f0422000100074401c172b46240';
export const av1Record = '81010c000a0b0000000cc5036700be0010';
export const vp9Record = '01000000000b800202000000';
export const opusHead = '4f707573486561640102380180bb0000000000';
export const idr = '00000002 6588';
export const slice = '00000002 4188';
const hevcIdr = '00000003 260100';
const colorInfo = '020009636f6c6f72496e666f03000009';
const nothing = '';

/** FourCC in hex. */
export const cc = {
  avc1: '61766331',
  hvc1: '68766331',
  vvc1: '76766331',
  av01: '61763031',
  vp08: '76703038',
  vp09: '76703039',
  mp4a: '6d703461',
  opus: '4f707573',
  mp3: '2e6d7033',
  flac: '664c6143',
  ac3: '61632d33',
  ec3: '65632d33',
  unknown: '7a7a7a7a',
} as const;

export const videoVectors: readonly BodyVector[] = [
  {
    name: 'AVC sequence header',
    kind: 'video',
    body: `17 00 000000 ${avcRecord}`,
    packets: [{ codec: 'avc', type: 'config', data: avcRecord }],
  },
  {
    name: 'AVC key frame',
    kind: 'video',
    body: `17 01 000050 ${idr}`,
    packets: [{ codec: 'avc', type: 'key', offset: 80_000, data: idr }],
  },
  {
    name: 'AVC inter frame, negative composition time',
    kind: 'video',
    body: `27 01 ffffd8 ${slice}`,
    packets: [{ codec: 'avc', type: 'frame', offset: -40_000, data: slice }],
  },
  {
    name: 'AVC composition time at its ends',
    kind: 'video',
    body: `27 01 800000 ${slice}`,
    packets: [{ codec: 'avc', type: 'frame', offset: -8_388_608_000, data: slice }],
  },
  {
    name: 'AVC disposable frame',
    kind: 'video',
    body: `37 01 000000 ${slice}`,
    packets: [{ codec: 'avc', type: 'frame', data: slice }],
  },
  {
    name: 'AVC generated key frame with an IDR',
    kind: 'video',
    body: `47 01 000000 ${idr}`,
    packets: [{ codec: 'avc', type: 'key', data: idr }],
  },
  {
    name: 'AVC generated key frame without one',
    kind: 'video',
    body: `47 01 000000 ${slice}`,
    packets: [{ codec: 'avc', type: 'frame', data: slice }],
  },
  {
    name: 'AVC key frame of no bytes',
    kind: 'video',
    body: '17 01 000000',
    packets: [{ codec: 'avc', type: 'frame', data: nothing }],
  },
  {
    name: 'AVC end of sequence',
    kind: 'video',
    body: '17 02 000000',
    packets: [{ codec: 'avc', type: 'end', data: nothing }],
  },
  {
    name: 'AVC end of sequence without composition time',
    kind: 'video',
    body: '17 02',
    packets: [{ codec: 'avc', type: 'end', data: nothing }],
  },
  {
    name: 'AVC packet type 3',
    kind: 'video',
    body: '17 03 000000 01',
    packets: [{ codec: 'unknown', type: 'other', data: '00000001' }],
  },
  {
    name: 'HEVC as AVC (OBS before 29.1)',
    kind: 'video',
    body: `17 00 000000 ${hevcRecord}`,
    packets: [{ codec: 'hevc', type: 'config', data: hevcRecord }],
  },
  {
    name: 'legacy HEVC sequence header',
    kind: 'video',
    body: `1c 00 000000 ${hevcRecord}`,
    packets: [{ codec: 'hevc', type: 'config', data: hevcRecord }],
  },
  {
    name: 'legacy HEVC key frame',
    kind: 'video',
    body: `1c 01 000028 ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', offset: 40_000, data: hevcIdr }],
  },
  {
    name: 'legacy HEVC inter frame',
    kind: 'video',
    body: `2c 01 000000 ${slice}`,
    packets: [{ codec: 'hevc', type: 'frame', data: slice }],
  },
  {
    name: 'legacy AV1',
    kind: 'video',
    body: '1d 01 000000 0a0100',
    packets: [{ codec: 'av1', type: 'key', data: '0a0100' }],
  },
  {
    name: 'Sorenson H.263 key frame',
    kind: 'video',
    body: '12 0000840000',
    packets: [{ codec: 'h263', type: 'key', data: '0000840000' }],
  },
  { name: 'screen video', kind: 'video', body: '23 01', packets: [{ codec: 'screen', type: 'frame', data: '01' }] },
  { name: 'screen video 2', kind: 'video', body: '16 01', packets: [{ codec: 'screen2', type: 'key', data: '01' }] },
  { name: 'VP6', kind: 'video', body: '14 0078', packets: [{ codec: 'vp6', type: 'key', data: '0078' }] },
  { name: 'VP6 with alpha', kind: 'video', body: '25 00', packets: [{ codec: 'vp6a', type: 'frame', data: '00' }] },
  { name: 'codec id 9', kind: 'video', body: '19 0102', packets: [{ codec: 'unknown', type: 'other', data: '0102' }] },
  {
    name: 'video command frame',
    kind: 'video',
    body: '57 00',
    packets: [{ codec: 'unknown', type: 'other', data: '00' }],
  },

  {
    name: 'avc1 SequenceStart',
    kind: 'video',
    body: `90 ${cc.avc1} ${avcRecord}`,
    packets: [{ codec: 'avc', type: 'config', data: avcRecord }],
  },
  {
    name: 'avc1 CodedFrames',
    kind: 'video',
    body: `91 ${cc.avc1} 000021 ${idr}`,
    packets: [{ codec: 'avc', type: 'key', offset: 33_000, data: idr }],
  },
  {
    name: 'hvc1 SequenceStart',
    kind: 'video',
    body: `90 ${cc.hvc1} ${hevcRecord}`,
    packets: [{ codec: 'hevc', type: 'config', data: hevcRecord }],
  },
  {
    name: 'hvc1 CodedFrames, negative composition time',
    kind: 'video',
    body: `a1 ${cc.hvc1} ffffff ${slice}`,
    packets: [{ codec: 'hevc', type: 'frame', offset: -1000, data: slice }],
  },
  {
    name: 'hvc1 CodedFramesX',
    kind: 'video',
    body: `93 ${cc.hvc1} ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', data: hevcIdr }],
  },
  {
    name: 'hvc1 CodedFramesX of frame type 0 (OBS 29.1 beta), key',
    kind: 'video',
    body: `83 ${cc.hvc1} ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', data: hevcIdr }],
  },
  {
    name: 'hvc1 CodedFramesX of frame type 0 (OBS 29.1 beta), inter',
    kind: 'video',
    body: `83 ${cc.hvc1} ${slice}`,
    packets: [{ codec: 'hevc', type: 'frame', data: slice }],
  },
  {
    name: 'hvc1 SequenceEnd',
    kind: 'video',
    body: `92 ${cc.hvc1}`,
    packets: [{ codec: 'hevc', type: 'end', data: nothing }],
  },
  {
    name: 'vvc1 CodedFrames',
    kind: 'video',
    body: `91 ${cc.vvc1} 000001 ${slice}`,
    packets: [{ codec: 'vvc', type: 'key', offset: 1000, data: slice }],
  },
  {
    name: 'av01 SequenceStart',
    kind: 'video',
    body: `90 ${cc.av01} ${av1Record}`,
    packets: [{ codec: 'av1', type: 'config', data: av1Record }],
  },
  {
    name: 'av01 CodedFrames, which have no composition time',
    kind: 'video',
    body: `91 ${cc.av01} 0a0100`,
    packets: [{ codec: 'av1', type: 'key', data: '0a0100' }],
  },
  {
    name: 'av01 CodedFrames of frame type 0, key',
    kind: 'video',
    body: `81 ${cc.av01} 0a0100`,
    packets: [{ codec: 'av1', type: 'key', data: '0a0100' }],
  },
  {
    name: 'av01 MPEG2TSSequenceStart',
    kind: 'video',
    body: `95 ${cc.av01} 800481000000`,
    packets: [{ codec: 'av1', type: 'config', data: '800481000000' }],
  },
  {
    name: 'hvc1 MPEG2TSSequenceStart, which nobody defined',
    kind: 'video',
    body: `95 ${cc.hvc1} 00`,
    packets: [{ codec: 'unknown', type: 'other', data: '00' }],
  },
  {
    name: 'vp09 SequenceStart',
    kind: 'video',
    body: `90 ${cc.vp09} ${vp9Record}`,
    packets: [{ codec: 'vp9', type: 'config', data: vp9Record }],
  },
  {
    name: 'vp09 CodedFrames',
    kind: 'video',
    body: `a1 ${cc.vp09} 8600`,
    packets: [{ codec: 'vp9', type: 'frame', data: '8600' }],
  },
  {
    name: 'vp08 CodedFramesX',
    kind: 'video',
    body: `93 ${cc.vp08} 1002`,
    packets: [{ codec: 'vp8', type: 'key', data: '1002' }],
  },
  {
    name: 'Metadata of frame type 0 (OBS)',
    kind: 'video',
    body: `84 ${cc.hvc1} ${colorInfo}`,
    packets: [{ codec: 'hevc', type: 'color', data: colorInfo }],
  },
  {
    name: 'Metadata of frame type 5 (FFmpeg), no command',
    kind: 'video',
    body: `d4 ${cc.hvc1} ${colorInfo}`,
    packets: [{ codec: 'hevc', type: 'color', data: colorInfo }],
  },
  {
    name: 'Metadata of another name',
    kind: 'video',
    body: `94 ${cc.hvc1} 02000161 05`,
    packets: [{ codec: 'hevc', type: 'other', data: '02000161 05' }],
  },
  {
    name: 'command frame, which has no FourCC',
    kind: 'video',
    body: 'd1 01',
    packets: [{ codec: 'unknown', type: 'other', data: nothing }],
  },
  {
    name: 'command frame of the type of a multitrack',
    kind: 'video',
    body: 'd6 00',
    packets: [{ codec: 'unknown', type: 'other', data: nothing }],
  },
  {
    name: 'reserved packet type',
    kind: 'video',
    body: `9f ${cc.hvc1} 0102`,
    packets: [{ codec: 'unknown', type: 'other', data: '0102' }],
  },
  {
    name: 'unknown FourCC',
    kind: 'video',
    body: `91 ${cc.unknown} 0102`,
    packets: [{ codec: 'unknown', type: 'other', data: '0102' }],
  },

  {
    name: 'OneTrack',
    kind: 'video',
    body: `96 00 ${cc.avc1} 03 ${avcRecord}`,
    packets: [{ id: 3, codec: 'avc', type: 'config', data: avcRecord }],
  },
  {
    name: 'OneTrack with composition time',
    kind: 'video',
    body: `96 01 ${cc.hvc1} 01 000028 ${hevcIdr}`,
    packets: [{ id: 1, codec: 'hevc', type: 'key', offset: 40_000, data: hevcIdr }],
  },
  {
    name: 'ManyTracks',
    kind: 'video',
    body: `a6 13 ${cc.hvc1} 00 000006 ${slice} 02 000007 ${hevcIdr}`,
    packets: [
      { id: 0, codec: 'hevc', type: 'frame', data: slice },
      { id: 2, codec: 'hevc', type: 'frame', data: hevcIdr },
    ],
  },
  {
    name: 'ManyTracks, track 0 last on the wire and first here',
    kind: 'video',
    body: `96 11 ${cc.av01} 02 000003 0a0101 01 000003 0a0102 00 000003 0a0103`,
    packets: [
      { id: 0, codec: 'av1', type: 'key', data: '0a0103' },
      { id: 2, codec: 'av1', type: 'key', data: '0a0101' },
      { id: 1, codec: 'av1', type: 'key', data: '0a0102' },
    ],
  },
  {
    name: 'ManyTracksManyCodecs, one codec unknown',
    kind: 'video',
    body: `96 21 ${cc.avc1} 00 000009 000001 ${idr} ${cc.unknown} 01 000001 aa ${cc.av01} 02 000003 0a0100`,
    packets: [
      { id: 0, codec: 'avc', type: 'key', offset: 1000, data: idr },
      { id: 1, codec: 'unknown', type: 'other', data: 'aa' },
      { id: 2, codec: 'av1', type: 'key', data: '0a0100' },
    ],
  },
  {
    name: 'Multitrack colour',
    kind: 'video',
    body: `96 04 ${cc.hvc1} 01 ${colorInfo}`,
    packets: [{ id: 1, codec: 'hevc', type: 'color', data: colorInfo }],
  },
  {
    name: 'ModEx inside Multitrack',
    kind: 'video',
    body: `96 07 ${cc.avc1} 00 02`,
    packets: [{ codec: 'unknown', type: 'other', data: nothing }],
  },
  {
    name: 'reserved multitrack layout',
    kind: 'video',
    body: `96 31 ${cc.avc1} 00`,
    packets: [{ codec: 'unknown', type: 'other', data: nothing }],
  },

  {
    name: 'ModEx of 1 byte',
    kind: 'video',
    body: `97 00 aa 13 ${cc.hvc1} ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', data: hevcIdr }],
  },
  {
    name: 'ModEx, nanoseconds',
    kind: 'video',
    body: `97 02 0bb800 01 ${cc.hvc1} 000001 ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', offset: 1768, data: hevcIdr }],
  },
  {
    name: 'ModEx of 255 bytes',
    kind: 'video',
    body: `97 fe ${'55'.repeat(255)} 13 ${cc.hvc1} ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', data: hevcIdr }],
  },
  {
    name: 'ModEx of 256 bytes, whose size takes two more',
    kind: 'video',
    body: `97 ff 00ff ${'55'.repeat(256)} 13 ${cc.hvc1} ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', data: hevcIdr }],
  },
  {
    name: 'ModEx of 65536 bytes',
    kind: 'video',
    body: `97 ff ffff ${'55'.repeat(65536)} f3 ${cc.hvc1} ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', data: hevcIdr }],
  },
  {
    name: 'ModEx three times, unknown types between',
    kind: 'video',
    body: `97 00 aa 37 02 0003e8 07 00 bb 23 ${cc.hvc1} ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', offset: 1, data: hevcIdr }],
  },
  {
    name: 'ModEx, nanoseconds above the allowed',
    kind: 'video',
    body: `97 02 ffffff 03 ${cc.hvc1} ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', offset: 999, data: hevcIdr }],
  },
  {
    name: 'ModEx, nanoseconds too short to be',
    kind: 'video',
    body: `97 01 ffff 03 ${cc.hvc1} ${hevcIdr}`,
    packets: [{ codec: 'hevc', type: 'key', data: hevcIdr }],
  },
  {
    name: 'ModEx before Multitrack',
    kind: 'video',
    body: `97 02 0003e8 06 01 ${cc.av01} 01 0a0100`,
    packets: [{ id: 1, codec: 'av1', type: 'key', offset: 1, data: '0a0100' }],
  },
  {
    name: 'ModEx before a command',
    kind: 'video',
    body: 'd7 00 aa 01 00',
    packets: [{ codec: 'unknown', type: 'other', data: nothing }],
  },
];

export const audioVectors: readonly BodyVector[] = [
  {
    name: 'AAC sequence header',
    kind: 'audio',
    body: 'af 00 1190',
    packets: [{ codec: 'aac', type: 'config', data: '1190' }],
  },
  {
    name: 'AAC sequence header of five bytes',
    kind: 'audio',
    body: 'af 00 2b92080000',
    packets: [{ codec: 'aac', type: 'config', data: '2b92080000' }],
  },
  { name: 'AAC frame', kind: 'audio', body: 'af 01 2110', packets: [{ codec: 'aac', type: 'frame', data: '2110' }] },
  {
    name: 'AAC packet type 2',
    kind: 'audio',
    body: 'af 02 00',
    packets: [{ codec: 'unknown', type: 'other', data: '00' }],
  },
  {
    name: 'zero bytes: silence',
    kind: 'audio',
    body: '',
    packets: [{ codec: 'unknown', type: 'other', data: nothing }],
  },
  { name: 'MP3', kind: 'audio', body: '2f fffb5400', packets: [{ codec: 'mp3', type: 'frame', data: 'fffb5400' }] },
  {
    name: 'MP3 at 8 kHz',
    kind: 'audio',
    body: 'e2 ffe38800',
    packets: [{ codec: 'mp3', type: 'frame', data: 'ffe38800' }],
  },
  { name: 'PCM', kind: 'audio', body: '3f 0102', packets: [{ codec: 'pcm', type: 'frame', data: '0102' }] },
  { name: 'ADPCM', kind: 'audio', body: '1f 01', packets: [{ codec: 'adpcm', type: 'frame', data: '01' }] },
  { name: 'Nellymoser', kind: 'audio', body: '62 01', packets: [{ codec: 'nellymoser', type: 'frame', data: '01' }] },
  { name: 'G.711 A-law', kind: 'audio', body: '72 01', packets: [{ codec: 'g711a', type: 'frame', data: '01' }] },
  { name: 'G.711 mu-law', kind: 'audio', body: '82 01', packets: [{ codec: 'g711u', type: 'frame', data: '01' }] },
  { name: 'Speex', kind: 'audio', body: 'b2 01', packets: [{ codec: 'speex', type: 'frame', data: '01' }] },
  { name: 'device specific', kind: 'audio', body: 'f2 01', packets: [{ codec: 'device', type: 'frame', data: '01' }] },
  { name: 'sound format 12', kind: 'audio', body: 'c2 01', packets: [{ codec: 'unknown', type: 'other', data: '01' }] },

  {
    name: 'mp4a SequenceStart',
    kind: 'audio',
    body: `90 ${cc.mp4a} 1190`,
    packets: [{ codec: 'aac', type: 'config', data: '1190' }],
  },
  {
    name: 'mp4a CodedFrames',
    kind: 'audio',
    body: `91 ${cc.mp4a} 2110`,
    packets: [{ codec: 'aac', type: 'frame', data: '2110' }],
  },
  {
    name: 'mp4a SequenceEnd',
    kind: 'audio',
    body: `92 ${cc.mp4a}`,
    packets: [{ codec: 'aac', type: 'end', data: nothing }],
  },
  {
    name: 'Opus SequenceStart',
    kind: 'audio',
    body: `90 ${cc.opus} ${opusHead}`,
    packets: [{ codec: 'opus', type: 'config', data: opusHead }],
  },
  {
    name: 'Opus SequenceStart, empty',
    kind: 'audio',
    body: `90 ${cc.opus}`,
    packets: [{ codec: 'opus', type: 'config', data: nothing }],
  },
  {
    name: 'Opus CodedFrames',
    kind: 'audio',
    body: `91 ${cc.opus} fc00`,
    packets: [{ codec: 'opus', type: 'frame', data: 'fc00' }],
  },
  {
    name: 'FLAC CodedFrames',
    kind: 'audio',
    body: `91 ${cc.flac} fff8`,
    packets: [{ codec: 'flac', type: 'frame', data: 'fff8' }],
  },
  {
    name: 'MP3 CodedFrames',
    kind: 'audio',
    body: `91 ${cc.mp3} fffb`,
    packets: [{ codec: 'mp3', type: 'frame', data: 'fffb' }],
  },
  {
    name: 'AC-3 SequenceStart, empty',
    kind: 'audio',
    body: `90 ${cc.ac3}`,
    packets: [{ codec: 'ac3', type: 'config', data: nothing }],
  },
  {
    name: 'AC-3 CodedFrames',
    kind: 'audio',
    body: `91 ${cc.ac3} 0b77`,
    packets: [{ codec: 'ac3', type: 'frame', data: '0b77' }],
  },
  {
    name: 'E-AC-3 CodedFrames',
    kind: 'audio',
    body: `91 ${cc.ec3} 0b77`,
    packets: [{ codec: 'eac3', type: 'frame', data: '0b77' }],
  },
  {
    name: 'MultichannelConfig',
    kind: 'audio',
    body: `94 ${cc.opus} 01 02 00000003`,
    packets: [{ codec: 'opus', type: 'channels', data: '010200000003' }],
  },
  {
    name: 'reserved packet type',
    kind: 'audio',
    body: `93 ${cc.opus} 00`,
    packets: [{ codec: 'unknown', type: 'other', data: '00' }],
  },
  {
    name: 'unknown FourCC',
    kind: 'audio',
    body: `91 ${cc.unknown} 00`,
    packets: [{ codec: 'unknown', type: 'other', data: '00' }],
  },
  {
    name: 'OneTrack',
    kind: 'audio',
    body: `95 00 ${cc.mp4a} 01 1190`,
    packets: [{ id: 1, codec: 'aac', type: 'config', data: '1190' }],
  },
  {
    name: 'ManyTracks',
    kind: 'audio',
    body: `95 11 ${cc.mp4a} 00 000002 2110 ff 000001 aa`,
    packets: [
      { id: 0, codec: 'aac', type: 'frame', data: '2110' },
      { id: 255, codec: 'aac', type: 'frame', data: 'aa' },
    ],
  },
  {
    name: 'ManyTracksManyCodecs',
    kind: 'audio',
    body: `95 21 ${cc.mp4a} 00 000002 2110 ${cc.opus} 01 000000`,
    packets: [
      { id: 0, codec: 'aac', type: 'frame', data: '2110' },
      { id: 1, codec: 'opus', type: 'frame', data: nothing },
    ],
  },
  {
    name: 'reserved multitrack layout',
    kind: 'audio',
    body: `95 f1 ${cc.mp4a}`,
    packets: [{ codec: 'unknown', type: 'other', data: nothing }],
  },
  {
    name: 'ModEx, nanoseconds',
    kind: 'audio',
    body: `97 02 0003e8 01 ${cc.opus} fc00`,
    packets: [{ codec: 'opus', type: 'frame', offset: 1, data: 'fc00' }],
  },
];

export interface RefusedVector {
  readonly name: string;
  readonly kind: 'audio' | 'video';
  readonly body: string;
  readonly message: RegExp;
}

export const refusedVectors: readonly RefusedVector[] = [
  { name: 'video of no bytes', kind: 'video', body: '', message: /video body of 0 bytes/ },
  { name: 'AVC of 1 byte', kind: 'video', body: '17', message: /1 bytes needed, 0 left/ },
  {
    name: 'AVC frame cut in its composition time',
    kind: 'video',
    body: '27 01 0000',
    message: /3 bytes needed, 2 left/,
  },
  {
    name: 'AVC sequence header without a record',
    kind: 'video',
    body: '17 00 000000',
    message: /avc sequence header with a record of 0 bytes, at least 7 needed/,
  },
  {
    name: 'AVC sequence header with half a record',
    kind: 'video',
    body: '17 00 000000 0142c00dffe1',
    message: /record of 6 bytes/,
  },
  {
    name: 'HEVC sequence header with half a record',
    kind: 'video',
    body: `1c 00 000000 ${hevcRecord.slice(0, 44)}`,
    message: /hevc sequence header with a record of 22 bytes, at least 23/,
  },
  { name: 'AAC of 1 byte', kind: 'audio', body: 'af', message: /AAC body of 1 byte/ },
  {
    name: 'AAC sequence header without a record',
    kind: 'audio',
    body: 'af 00',
    message: /aac sequence header with a record of 0 bytes, at least 2/,
  },
  { name: 'FourCC cut short', kind: 'video', body: '91 6176', message: /4 bytes needed, 2 left/ },
  { name: 'hvc1 SequenceStart without a record', kind: 'video', body: `90 ${cc.hvc1}`, message: /record of 0 bytes/ },
  {
    name: 'av01 SequenceStart with half a record',
    kind: 'video',
    body: `90 ${cc.av01} 8101`,
    message: /av1 sequence header with a record of 2 bytes/,
  },
  {
    name: 'hvc1 CodedFrames cut in its composition time',
    kind: 'video',
    body: `91 ${cc.hvc1} 0000`,
    message: /3 bytes needed/,
  },
  { name: 'command without its byte', kind: 'video', body: 'd1', message: /1 bytes needed/ },
  { name: 'ModEx cut in its size', kind: 'video', body: '97', message: /1 bytes needed/ },
  { name: 'ModEx cut in its long size', kind: 'video', body: '97 ff 00', message: /2 bytes needed, 1 left/ },
  { name: 'ModEx longer than the body', kind: 'video', body: '97 fe 00', message: /255 bytes needed, 1 left/ },
  { name: 'ModEx without a next type', kind: 'video', body: '97 00 aa', message: /1 bytes needed/ },
  { name: 'Multitrack without its header', kind: 'video', body: '96', message: /1 bytes needed/ },
  {
    name: 'Multitrack in Multitrack',
    kind: 'video',
    body: `96 06 ${cc.avc1} 00`,
    message: /multitrack inside multitrack \(FLV byte 1\)/,
  },
  {
    name: 'audio Multitrack in Multitrack',
    kind: 'audio',
    body: `95 05 ${cc.mp4a} 00`,
    message: /multitrack inside multitrack/,
  },
  { name: 'OneTrack without an id', kind: 'video', body: `96 01 ${cc.avc1}`, message: /1 bytes needed/ },
  { name: 'ManyTracks without tracks', kind: 'video', body: `96 11 ${cc.avc1}`, message: /1 bytes needed/ },
  {
    name: 'ManyTracks with a size beyond the body',
    kind: 'video',
    body: `96 11 ${cc.av01} 00 000001 aa 01 000005 aabb`,
    message: /5 bytes needed, 2 left/,
  },
  {
    name: 'ManyTracks with a size short of the body',
    kind: 'video',
    body: `96 11 ${cc.av01} 00 000001 aabb`,
    message: /3 bytes needed, 0 left/,
  },
  {
    name: 'ManyTracksManyCodecs cut in a FourCC',
    kind: 'audio',
    body: `95 21 ${cc.mp4a} 00 000001 aa 4f70`,
    message: /4 bytes needed, 2 left/,
  },
  {
    name: 'ManyTracks with an empty record in the second track',
    kind: 'audio',
    body: `95 10 ${cc.mp4a} 00 000002 1190 01 000000`,
    message: /record of 0 bytes/,
  },
  {
    name: 'MultichannelConfig of 1 byte',
    kind: 'audio',
    body: `94 ${cc.opus} 01`,
    message: /multichannel configuration of 1 bytes/,
  },
  {
    name: 'more tracks in one message than maxTracks',
    kind: 'audio',
    body: `95 11 ${cc.mp4a} ${'01 000000'.repeat(33)}`,
    message: /maxTracks 32/,
  },
];
