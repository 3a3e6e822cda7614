import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeTrack } from '../../../src/codecs/describe-track.ts';
import type { CodecName, Track } from '../../../src/media/packet.ts';
import { codecVectors } from '../../vectors/codecs.ts';

function track(codec: CodecName, config?: string): Track {
  return { id: 0, kind: 'video', codec, config: config === undefined ? null : Buffer.from(config, 'hex') };
}

describe('describeTrack', () => {
  for (const { name, codec, config, frame, description } of codecVectors) {
    test(`${codec}: ${name}`, () => {
      const sample = frame === undefined ? undefined : Buffer.from(frame, 'hex');
      assert.deepEqual(describeTrack(track(codec, config), sample), { codec, ...description });
    });
  }

  test('a record cut anywhere says less or nothing, and never throws', () => {
    for (const { codec, config, description } of codecVectors) {
      if (config === undefined) continue;
      for (let end = 0; end < config.length; end += 2) {
        const described = describeTrack(track(codec, config.slice(0, end)));
        assert.equal(described.codec, codec);
        for (const key of Object.keys(described)) {
          assert.ok(key === 'codec' || key in description, `${codec} cut at ${end / 2} invents ${key}`);
        }
      }
    }
  });

  test('an AVC record with a broken parameter set still tells profile and level', () => {
    const record = '0164000dffe10002676400';
    assert.deepEqual(describeTrack(track('avc', record)), {
      codec: 'avc',
      profile: 'High',
      level: '1.3',
      codecString: 'avc1.64000d',
    });
  });

  test('level 1b and unknown profiles have names too', () => {
    assert.equal(describeTrack(track('avc', '0142f00bffe000')).level, '1b');
    assert.equal(describeTrack(track('avc', '0109000affe000')).profile, '9');
  });
});
