import type { CodecName } from '../../media/packet.ts';

function fourCc(text: string): number {
  return Buffer.from(text, 'latin1').readUInt32BE(0);
}

/** Enhanced RTMP v2, "Enhanced Video": FourCC values of ExVideoTagHeader. */
export const videoFourCcs: ReadonlyMap<number, CodecName> = new Map([
  [fourCc('avc1'), 'avc'],
  [fourCc('hvc1'), 'hevc'],
  [fourCc('vvc1'), 'vvc'],
  [fourCc('av01'), 'av1'],
  [fourCc('vp08'), 'vp8'],
  [fourCc('vp09'), 'vp9'],
]);

/** Enhanced RTMP v2, "Enhanced Audio": FourCC values of ExAudioTagHeader. */
export const audioFourCcs: ReadonlyMap<number, CodecName> = new Map([
  [fourCc('mp4a'), 'aac'],
  [fourCc('Opus'), 'opus'],
  [fourCc('.mp3'), 'mp3'],
  [fourCc('fLaC'), 'flac'],
  [fourCc('ac-3'), 'ac3'],
  [fourCc('ec-3'), 'eac3'],
]);

/** The FourCC of a codec, as a number; `undefined` for codecs without one. */
export const fourCcOf: ReadonlyMap<CodecName, number> = new Map(
  [...videoFourCcs, ...audioFourCcs].map(([code, codec]) => [codec, code]),
);

/** FLV E.4.3.1: CodecID of a legacy video tag. 12 and 13 are not Adobe's, but what encoders and players agreed on. */
export const videoCodecIds: ReadonlyMap<number, CodecName> = new Map([
  [1, 'jpeg'],
  [2, 'h263'],
  [3, 'screen'],
  [4, 'vp6'],
  [5, 'vp6a'],
  [6, 'screen2'],
  [7, 'avc'],
  [12, 'hevc'],
  [13, 'av1'],
]);

/** FLV E.4.2.1: SoundFormat of a legacy audio tag. */
export const soundFormats: ReadonlyMap<number, CodecName> = new Map([
  [0, 'pcm'],
  [1, 'adpcm'],
  [2, 'mp3'],
  [3, 'pcm'],
  [4, 'nellymoser'],
  [5, 'nellymoser'],
  [6, 'nellymoser'],
  [7, 'g711a'],
  [8, 'g711u'],
  [10, 'aac'],
  [11, 'speex'],
  [14, 'mp3'],
  [15, 'device'],
]);

/** Codecs whose enhanced coded frames begin with a composition time. */
export function hasCompositionTime(codec: CodecName): boolean {
  return codec === 'avc' || codec === 'hevc' || codec === 'vvc';
}

const smallestRecords: ReadonlyMap<CodecName, number> = new Map([
  ['avc', 7],
  ['hevc', 23],
  ['vvc', 2],
  ['av1', 4],
  ['vp8', 8],
  ['vp9', 8],
  ['aac', 2],
  ['flac', 34],
]);

/** Bytes without which a codec's decoder configuration says nothing. Opus may leave it empty, others have none. */
export function smallestRecord(codec: CodecName): number {
  return smallestRecords.get(codec) ?? 0;
}
