import type { CodecName } from '../../media/packet.ts';

/** FLV 10.1, E.4.2 and E.4.3, and what Chinese networks added: the numbers that Node-Media-Server shows. */
const CODEC_IDS: Readonly<Partial<Record<CodecName, number>>> = {
  avc: 7,
  hevc: 12,
  av1: 13,
  h263: 2,
  screen: 3,
  vp6: 4,
  vp6a: 5,
  screen2: 6,
  jpeg: 1,
  aac: 10,
  mp3: 2,
  pcm: 3,
  adpcm: 1,
  nellymoser: 6,
  g711a: 7,
  g711u: 8,
  speex: 11,
  device: 15,
};

/** The number of a codec; 0: it has none, or there is no track. */
export function codecIdOf(codec: CodecName | undefined): number {
  return codec === undefined ? 0 : (CODEC_IDS[codec] ?? 0);
}
