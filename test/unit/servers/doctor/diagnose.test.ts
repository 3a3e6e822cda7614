import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { StreamStatistics, TrackStatistics } from '../../../../src/core/stream-statistics.ts';
import { doctorSection } from '../../../../src/servers/doctor/config.ts';
import { adviceCodes, diagnose, type Finding } from '../../../../src/servers/doctor/diagnose.ts';
import { type StreamFacts, StreamHistory } from '../../../../src/servers/doctor/stream-facts.ts';
import { audioTrack, videoTrack } from '../../../support/packets.ts';

const limits = doctorSection.parse(undefined);
const config = Buffer.from('config');

const video: TrackStatistics = {
  id: 0,
  kind: 'video',
  packets: 900,
  bytes: 9_000_000,
  bitrate: 2_500_000,
  frameRate: 30,
  keyframes: 15,
  keyframeIntervalMs: 2000,
  sinceKeyframeMs: 1500,
  maxReorderMs: 0,
  silentMs: 20,
};
const audio: TrackStatistics = {
  ...video,
  kind: 'audio',
  keyframes: 0,
  keyframeIntervalMs: 0,
  sinceKeyframeMs: 0,
  bitrate: 128_000,
  frameRate: 43,
};

type Changes = Partial<Omit<StreamFacts, 'statistics'>> & {
  readonly video?: Partial<TrackStatistics> | null;
  readonly audio?: Partial<TrackStatistics> | null;
  readonly measured?: Partial<StreamStatistics>;
};

/** A stream that is well, but for what is changed. */
function facts({ video: ofVideo = {}, audio: ofAudio = {}, measured = {}, ...rest }: Changes = {}): StreamFacts {
  const tracks = [
    ...(ofVideo === null ? [] : [{ ...video, ...ofVideo }]),
    ...(ofAudio === null ? [] : [{ ...audio, ...ofAudio }]),
  ];
  return {
    tracks: [
      ...(ofVideo === null ? [] : [{ ...videoTrack, config }]),
      ...(ofAudio === null ? [] : [{ ...audioTrack, config }]),
    ],
    metadata: { videocodecid: 7, audiocodecid: 10, videodatarate: 2500, audiodatarate: 128 },
    statistics: {
      at: 1,
      tracks,
      avSkewMs: 20,
      timestampJumps: 0,
      mediaPerSecond: 1001,
      gopBytes: 1000,
      ...measured,
    },
    ageMs: 60_000,
    recentJumps: 0,
    bitrate: { video: 2_500_000, audio: 128_000 },
    ...rest,
  };
}

/** The findings as `code severity`. */
const found = (changes: Changes) => diagnose(facts(changes), limits).map(({ code, severity }) => `${code} ${severity}`);

/** The one finding. */
function only(changes: Changes): Finding {
  const findings = diagnose(facts(changes), limits);
  assert.equal(findings.length, 1, findings.map(({ code }) => code).join(', '));
  return findings[0]!;
}

describe('the ingest doctor', () => {
  test('has nothing to say of a stream that is well', () => {
    assert.deepEqual(found({}), []);
  });

  test('says nothing in the first time of a stream', () => {
    assert.deepEqual(found({ video: { keyframeIntervalMs: 10_000 }, ageMs: 9_999 }), []);
    assert.deepEqual(found({ video: { keyframeIntervalMs: 10_000 }, ageMs: 10_000 }), ['keyframe-interval problem']);
  });

  test('names the time between two keyframes, and what to do', () => {
    const { message } = only({ video: { keyframeIntervalMs: 10_000, sinceKeyframeMs: 3_000 } });
    assert.match(message, /^Keyframes come every 10 s: after a gap players wait that long/);
    assert.match(message, /Set the keyframe interval to 2 s in the encoder \(OBS: .*; ffmpeg: -g /);
  });

  test('keyframes each 4 s are well, a little later is a warning, twice that a problem', () => {
    assert.deepEqual(found({ video: { keyframeIntervalMs: 4000 } }), []);
    assert.deepEqual(found({ video: { keyframeIntervalMs: 4001 } }), ['keyframe-interval warning']);
    assert.deepEqual(found({ video: { keyframeIntervalMs: 8001 } }), ['keyframe-interval problem']);
  });

  test('a keyframe that does not come is found before it comes', () => {
    const { message } = only({ video: { keyframeIntervalMs: 2000, sinceKeyframeMs: 7_000 } });
    assert.match(message, /^The last keyframe came 7 s ago/);
    assert.match(only({ video: { keyframeIntervalMs: 10_000, sinceKeyframeMs: 10_040 } }).message, /every 10 s/);
  });

  test('video without any keyframe is a problem of its own', () => {
    const none = { keyframes: 0, keyframeIntervalMs: 0, sinceKeyframeMs: 12_500 };
    assert.deepEqual(found({ video: none }), ['no-keyframe problem']);
    assert.match(only({ video: none }).message, /^No keyframe has come in 12\.5 s of video/);
  });

  test('jumps of the timestamps are counted', () => {
    assert.match(only({ recentJumps: 1 }).message, /^The timestamps jumped once in the last 60 s/);
    assert.match(only({ recentJumps: 3 }).message, /^The timestamps jumped 3 times/);
  });

  test('says which of sound and picture is ahead, and by how much', () => {
    assert.deepEqual(found({ measured: { avSkewMs: 300 } }), []);
    assert.deepEqual(found({ measured: { avSkewMs: -301 } }), ['av-skew warning']);
    assert.deepEqual(found({ measured: { avSkewMs: 901 } }), ['av-skew problem']);
    assert.match(only({ measured: { avSkewMs: 450 } }).message, /^Sound comes 450 ms ahead of the picture/);
    assert.match(only({ measured: { avSkewMs: -1250 } }).message, /^Picture comes 1\.3 s ahead of the sound/);
  });

  test('media that comes slower than it plays starves its players', () => {
    assert.deepEqual(found({ measured: { mediaPerSecond: 900 } }), []);
    assert.match(
      only({ measured: { mediaPerSecond: 620 } }).message,
      /^Media comes at 62 % of real time: players run dry/,
    );
  });

  test('a gap of the whole stream is one finding, not one for each of its tracks', () => {
    const silent = { silentMs: 8_000 };
    const measured = { mediaPerSecond: 0, avSkewMs: 2_000 };
    assert.match(only({ video: silent, audio: silent, measured }).message, /^Nothing has come for 8 s/);
  });

  test('a track that stops while the other goes on is found by its name', () => {
    assert.match(only({ audio: { silentMs: 6_000 } }).message, /^The audio has stopped 6 s ago/);
    const { code, message } = only({ video: { silentMs: 6_000, sinceKeyframeMs: 9_000 } });
    assert.equal(code, 'video-silent');
    assert.match(message, /^The video has stopped 6 s ago/);
  });

  test('a track that was announced and never came is found', () => {
    assert.deepEqual(found({ audio: null }), ['audio-silent problem']);
    assert.deepEqual(found({ video: null }), ['video-silent problem']);
    assert.match(only({ video: null }).message, /^The encoder announces video and sends none/);
    assert.deepEqual(found({ audio: null, metadata: { videocodecid: 7, hasAudio: true } }), ['audio-silent problem']);
  });

  test('no sound is worth a word when none was announced; sound alone is nothing to speak of', () => {
    for (const metadata of [{ videocodecid: 7 }, { audiocodecid: 0 }, { audiocodecid: 10, hasAudio: false }, null]) {
      assert.deepEqual(found({ audio: null, metadata }), ['no-audio info']);
    }
    assert.deepEqual(found({ video: null, metadata: { audiocodecid: 10 } }), []);
    assert.deepEqual(found({ video: null, metadata: null }), []);
  });

  test('a bitrate far from the announced one is found, with both', () => {
    assert.deepEqual(found({ bitrate: { video: 3_700_000, audio: null } }), []);
    assert.deepEqual(found({ bitrate: { video: 760_000, audio: null } }), []);
    assert.match(
      only({ bitrate: { video: 6_100_000, audio: null } }).message,
      /^The video has 6\.1 Mbit\/s, and 2\.5 Mbit\/s were announced: /,
    );
    assert.deepEqual(found({ bitrate: { video: 6_100_000, audio: null } }), ['bitrate warning']);
    assert.deepEqual(found({ bitrate: { video: 740_000, audio: null } }), ['bitrate info']);
  });

  test('an announced bitrate of 0, of a text, or in bits is no reason to complain', () => {
    for (const videodatarate of [0, -1, Number.NaN, '2500', null, 2_500_000]) {
      assert.deepEqual(found({ metadata: { videocodecid: 7, audiocodecid: 10, videodatarate } }), []);
    }
    assert.deepEqual(found({ bitrate: { video: null, audio: null } }), []);
  });

  test('a missing sequence header is found for codecs that need one', () => {
    const bare = { tracks: [videoTrack, { ...audioTrack, config }] };
    assert.match(only(bare).message, /^The video \(avc\) came without its sequence header/);
    assert.deepEqual(
      found({
        tracks: [
          { ...videoTrack, config },
          { ...audioTrack, codec: 'mp3' },
        ],
      }),
      [],
    );
  });

  test('B-frames are worth a word', () => {
    assert.match(only({ video: { maxReorderMs: 67 } }).message, /^The video has B-frames: they add 67 ms of delay/);
  });

  test('what has no statistics yet is left alone', () => {
    assert.deepEqual(found({ video: null, audio: null, tracks: [], metadata: null }), []);
  });

  test('every code is in the list, and on the page', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/4-operate/ingest-doctor.md'), 'utf8');
    const told = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
    assert.deepEqual(new Set(told), new Set(adviceCodes));
    const source = readFileSync(join(import.meta.dirname, '../../../../src/servers/doctor/diagnose.ts'), 'utf8');
    const made = [...source.matchAll(/code: '([a-z-]+)'/g)].map(([, code]) => code);
    assert.deepEqual(new Set([...made, 'video-silent', 'audio-silent']), new Set(adviceCodes));
  });
});

describe('what the doctor remembers', () => {
  const measured = (second: number, change: Partial<StreamStatistics> = {}): StreamStatistics => ({
    at: 1_000_000 + second * 1000,
    tracks: [
      { ...video, bytes: second * 250_000 },
      { ...video, id: 1, bytes: second * 62_500 },
      { ...audio, bytes: second * 16_000 },
    ],
    avSkewMs: 0,
    timestampJumps: 0,
    mediaPerSecond: 1000,
    gopBytes: 0,
    ...change,
  });

  test('the bitrate is that of half a minute, of all tracks of a kind', () => {
    const history = new StreamHistory(60_000);
    for (let second = 0; second < 30; second++) history.take(measured(second));
    assert.equal(history.bitrateOf('video'), null);
    history.take(measured(30));
    assert.equal(history.bitrateOf('video'), 2_500_000);
    assert.equal(history.bitrateOf('audio'), 128_000);
  });

  test('statistics that are taken twice count once', () => {
    const history = new StreamHistory(60_000);
    for (let second = 0; second < 20; second++) {
      history.take(measured(second));
      history.take(measured(second));
    }
    assert.equal(history.bitrateOf('video'), null);
  });

  test('jumps are forgotten after their time', () => {
    const history = new StreamHistory(60_000);
    history.take(measured(0));
    history.take(measured(1, { timestampJumps: 2 }));
    history.take(measured(30, { timestampJumps: 3 }));
    assert.equal(history.recentJumps, 3);
    history.take(measured(61, { timestampJumps: 3 }));
    assert.equal(history.recentJumps, 1);
    history.take(measured(90, { timestampJumps: 3 }));
    assert.equal(history.recentJumps, 0);
  });
});
