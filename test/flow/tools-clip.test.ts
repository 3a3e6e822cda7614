import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { MetadataPacket } from '../../src/media/packet.ts';
import { FlvPacketReader } from '../../src/protocols/flv/flv-packet-reader.ts';
import { type Clip, type ClipBody, loadClip, loopClip, testClip } from '../../src/tools/clip.ts';
import { readStamp, stampVideoBody } from '../../src/tools/wall-clock.ts';

const SENT_AT_MS = 1795362701127;

function take(clip: Clip, count: number): ClipBody[] {
  const bodies: ClipBody[] = [];
  for (const body of loopClip(clip)) {
    if (bodies.length === count) break;
    bodies.push(body);
  }
  return bodies;
}

/** How often each step between neighbouring timestamps occurs. */
function steps(bodies: readonly ClipBody[]): Record<number, number> {
  const found: Record<number, number> = {};
  for (const [index, { timestampMs }] of bodies.entries()) {
    if (index === 0) continue;
    const step = timestampMs - bodies[index - 1]!.timestampMs;
    found[step] = (found[step] ?? 0) + 1;
  }
  return found;
}

describe('the test clip', () => {
  let clip: Clip;

  before(async () => {
    clip = await loadClip(testClip);
  });

  test('is small, 5.12 s long, and holds as much sound as picture', () => {
    assert.ok(statSync(testClip).size < 600_000);
    assert.equal(clip.durationMs, 5120);
    const frames = clip.media.filter(({ kind }) => kind === 'video').length;
    const sounds = clip.media.filter(({ kind }) => kind === 'audio').length;
    assert.equal(frames * 40, clip.durationMs);
    assert.equal((sounds * 1024) / 48, clip.durationMs);
  });

  test('begins with metadata, without the duration that only a file has, and both configurations', () => {
    assert.deepEqual(
      clip.headers.map(({ kind, timestampMs }) => [kind, timestampMs]),
      [
        ['data', 0],
        ['video', 0],
        ['audio', 0],
      ],
    );
    const [metadata] = new FlvPacketReader().read('data', 0, clip.headers[0]!.body);
    assert.ok(metadata instanceof MetadataPacket);
    assert.equal('duration' in metadata.values, false);
    assert.equal(metadata.values['width'], 640);
    assert.equal(metadata.values['framerate'], 25);
  });

  test('has a keyframe each 1.28 s and no reordered frames', () => {
    const reader = new FlvPacketReader();
    const packets = clip.media.flatMap(({ kind, timestampMs, body }) => reader.read(kind, timestampMs, body));
    const keys = packets.filter(({ type }) => type === 'key').map(({ dts }) => dts / 1000);
    assert.deepEqual(keys, [0, 1280, 2560, 3840]);
    assert.ok(packets.every(({ dts, pts }) => dts === pts));
  });

  test('goes round on one clock, without a step at the seam', () => {
    const rounds = take(clip, clip.headers.length + 3 * clip.media.length);
    assert.ok(rounds.every(({ timestampMs }, index) => timestampMs >= (rounds[index - 1]?.timestampMs ?? 0)));
    const media = rounds.slice(clip.headers.length);
    assert.deepEqual(steps(media.filter(({ kind }) => kind === 'video')), { 40: 3 * 128 - 1 });
    // 1024 samples of 48 kHz are 21⅓ ms.
    assert.deepEqual(steps(media.filter(({ kind }) => kind === 'audio')), { 21: 3 * 160 - 1, 22: 3 * 80 });
    assert.equal(rounds.filter(({ kind }) => kind === 'data').length, 1);
  });

  test('its frames take a stamp without losing a byte', () => {
    const frame = clip.media.find(({ isVideoFrame }) => isVideoFrame)!;
    const stamped = stampVideoBody(frame.body, SENT_AT_MS);
    assert.deepEqual(stamped.subarray(0, 5), frame.body.subarray(0, 5));
    assert.deepEqual(stamped.subarray(-(frame.body.length - 5)), frame.body.subarray(5));
    const [packet] = new FlvPacketReader().read('video', 0, stamped);
    assert.equal(readStamp(packet!.data), SENT_AT_MS);
    assert.equal(packet!.type, 'key');
    const [plain] = new FlvPacketReader().read('video', 0, frame.body);
    assert.equal(readStamp(plain!.data), null);
  });
});

describe('the stamp of the time in a frame', () => {
  const body = Buffer.from('1701000000' + '0000000265aa', 'hex');

  test('is a SEI message of unregistered user data before the first NAL unit', () => {
    assert.equal(
      stampVideoBody(body, SENT_AT_MS).toString('hex'),
      '1701000000' +
        '00000021' +
        '06051d' +
        '743a4e69511146c0853f51d158a66439' +
        Buffer.from('1795362701127').toString('hex') +
        '80' +
        '0000000265aa',
    );
  });

  test('is found behind other NAL units, and whatever the time', () => {
    const before = Buffer.from('000000020910' + '0000000406050180', 'hex');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_999_999_999_999 }), (unixMs) => {
        const frame = stampVideoBody(body, unixMs).subarray(5);
        assert.equal(readStamp(frame), unixMs);
        assert.equal(readStamp(Buffer.concat([before, frame])), unixMs);
      }),
    );
  });

  test('is never found in other bytes, and looking for it never throws', () => {
    const frame = stampVideoBody(body, SENT_AT_MS).subarray(5);
    for (let length = 0; length < 37; length++) assert.equal(readStamp(frame.subarray(0, length)), null);
    const otherUuid = Buffer.from(frame);
    otherUuid[10]! ^= 1;
    assert.equal(readStamp(otherUuid), null);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.equal(readStamp(Buffer.from(bytes)), null);
      }),
    );
  });
});
