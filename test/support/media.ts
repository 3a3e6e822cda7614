import { encodeAmf0 } from '../../src/protocols/amf/amf0.ts';
import { ecmaArray } from '../../src/protocols/amf/amf-value.ts';

/** Baseline, level 3; parameter sets of the right shape without a picture behind them. */
const AVC_RECORD = Buffer.from('0142c01effe100046742c01e01000268ce', 'hex');

export const bodies = {
  avcConfig: Buffer.concat([Buffer.from([0x17, 0, 0, 0, 0]), AVC_RECORD]),
  aacConfig: Buffer.from([0xaf, 0, 0x12, 0x10]),
  metadata: encodeAmf0([
    '@setDataFrame',
    'onMetaData',
    ecmaArray({ width: 320, height: 180, videocodecid: 7, audiocodecid: 10 }),
  ]),
  /** A keyframe of one NAL unit with `label` as its payload. */
  key: (label = 'k') => nal(0x17, 0x65, label),
  inter: (label = 'i') => nal(0x27, 0x41, label),
  aac: (label = 'a') => Buffer.concat([Buffer.from([0xaf, 1]), Buffer.from(label)]),
};

function nal(first: number, type: number, label: string): Buffer {
  const payload = Buffer.concat([Buffer.from([type]), Buffer.from(label)]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(payload.length);
  return Buffer.concat([Buffer.from([first, 1, 0, 0, 0]), length, payload]);
}
