import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { describeTrack } from '../../src/codecs/describe-track.ts';
import { isEntryPoint } from '../../src/codecs/entry-point.ts';
import type { CodecName, Track } from '../../src/media/packet.ts';
import { mutated } from '../support/mutated.ts';
import { codecVectors } from '../vectors/codecs.ts';

const codecs = [...new Set(codecVectors.map(({ codec }) => codec))];
const records = codecVectors.flatMap(({ codec, config, frame }) => {
  const source = config ?? frame;
  return source === undefined ? [] : [{ codec, bytes: Buffer.from(source, 'hex') }];
});

function track(codec: CodecName, config: Buffer | null): Track {
  return { id: 0, kind: 'video', codec, config };
}

function check(codec: CodecName, bytes: Buffer): void {
  for (const description of [describeTrack(track(codec, bytes)), describeTrack(track(codec, null), bytes)]) {
    assert.equal(description.codec, codec);
    for (const value of Object.values(description)) {
      assert.ok(
        typeof value === 'string' ? value.length < 100 : Number.isFinite(value) && value > 0,
        `${codec}: ${value}`,
      );
    }
  }
}

describe('codec records, whatever comes', () => {
  test('any bytes are described or not, and numbers are sane', () => {
    fc.assert(
      fc.property(fc.constantFrom(...codecs), fc.uint8Array({ maxLength: 80 }), (codec, bytes) => {
        check(codec, Buffer.from(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test('records with changed bytes are described or not, and numbers are sane', () => {
    for (const { codec, bytes } of records) {
      fc.assert(
        fc.property(mutated([bytes]), (changed) => check(codec, changed)),
        { numRuns: 200 },
      );
    }
  });

  test('any frame is an entry point or not', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...codecs),
        fc.uint8Array({ maxLength: 60 }),
        fc.uint8Array({ maxLength: 30 }),
        (codec, data, config) => {
          assert.equal(typeof isEntryPoint(codec, Buffer.from(data), Buffer.from(config)), 'boolean');
        },
      ),
      { numRuns: 1000 },
    );
  });
});
