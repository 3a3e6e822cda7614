import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveStream } from '../../../../src/core/live-stream.ts';
import type { Recorder } from '../../../../src/core/recorder.ts';
import type { Advice, StreamStatistics } from '../../../../src/core/stream-statistics.ts';
import { Rates } from '../../../../src/servers/api/rates.ts';
import { StreamEntries } from '../../../../src/servers/api/stream-entries.ts';
import { streamSchema } from '../../../../src/servers/api/stream-schema.ts';
import { FakeSession, makeContext } from '../../../support/house.ts';

const statistics: StreamStatistics = {
  at: 1,
  tracks: [
    {
      id: 0,
      kind: 'video',
      packets: 90,
      bytes: 9000,
      bitrate: 24_000,
      frameRate: 29.97,
      keyframes: 2,
      keyframeIntervalMs: 2000,
      sinceKeyframeMs: 400,
      maxReorderMs: 66,
      silentMs: 12,
    },
  ],
  avSkewMs: -40,
  timestampJumps: 1,
  mediaPerSecond: 1000,
  gopBytes: 5,
};

function advice(severity: Advice['severity']): Advice {
  return { code: `a-${severity}`, severity, message: 'change it', since: 3 };
}

/** A stream of our making in a Context of its own. */
function houseOf(values: Partial<LiveStream>) {
  const context = makeContext();
  const publisher = new FakeSession(context);
  publisher.role = 'publisher';
  publisher.inBytes = 70;
  const stream: LiveStream = {
    streamPath: '/a/b/cam',
    status: 'publishing',
    publisher,
    tracks: [],
    metadata: null,
    players: [],
    playerCount: 0,
    createTime: 5,
    statistics: null,
    ...values,
  };
  context.streams = new Map([[stream.streamPath, stream]]);
  return { context, publisher, entries: new StreamEntries(context, new Rates(context)) };
}

test('what was measured counts more than what was announced, and stands with its track', () => {
  const video = { id: 0, kind: 'video', codec: 'avc', config: null } as const;
  const second = { id: 1, kind: 'video', codec: 'hevc', config: null } as const;
  const { entries } = houseOf({
    tracks: [video, second],
    metadata: { framerate: 25, width: 640, height: Number.NaN, audiochannels: 'many' },
    statistics,
  });
  const entry = streamSchema.parse(entries.find('/a/b/cam'));
  assert.deepEqual(
    [entry.app, entry.name, entry.avSkewMs, entry.timestampJumps, entry.createTime],
    ['a/b', 'cam', -40, 1, 5],
  );
  const { id: _id, kind: _kind, ...measured } = statistics.tracks[0]!;
  assert.deepEqual(
    entry.tracks.map(({ codec, measured: found }) => [codec, found]),
    [
      ['avc', measured],
      ['hevc', null],
    ],
  );
  const { videoFramerate, videoWidth, videoHeight, audioChannels, videoCodec, audioCodec } = entry.publisher!;
  assert.deepEqual(
    [videoFramerate, videoWidth, videoHeight, audioChannels, videoCodec, audioCodec],
    [29.97, 640, 0, 0, 7, 0],
  );
});

test('viewers are counted by transport, and those of our own are none', () => {
  const context = makeContext();
  const player = (protocol: string, dropped: number) => {
    const session = new FakeSession(context);
    Object.defineProperty(session, 'protocol', { value: protocol });
    session.outBytes = 10;
    session.droppedFrames = dropped;
    return session;
  };
  const players = [player('rtmp', 1), player('wss-flv', 2), player('wss-flv', 0), player('internal', 5)];
  const { entries } = houseOf({ players });
  const entry = entries.find('/a/b/cam')!;
  assert.deepEqual([entry.subscribers, entry.droppedFrames, entry.outBytes, entry.inBytes], [3, 3, 40, 70]);
  assert.deepEqual([entry.viewers.rtmp, entry.viewers['wss-flv'], entry.viewers['http-flv']], [1, 2, 0]);
  assert.equal('internal' in entry.viewers, false);
});

test('health is as bad as the worst advice; an hint alone is good', () => {
  const { context, entries } = houseOf({});
  const healthOf = () => entries.find('/a/b/cam')!.health;
  assert.deepEqual(healthOf(), { status: 'good', advice: [] });
  context.advice.set('/a/b/cam', [advice('info')]);
  assert.deepEqual(healthOf(), { status: 'good', advice: [advice('info')] });
  context.advice.set('/a/b/cam', [advice('warning'), advice('info')]);
  assert.equal(healthOf().status, 'warning');
  context.advice.set('/a/b/cam', [advice('warning'), advice('problem')]);
  assert.equal(healthOf().status, 'problem');
});

test('a stream without a publisher has none, and one that is recorded says so', () => {
  const { context, entries } = houseOf({ publisher: null, status: 'reconnecting' });
  assert.deepEqual(
    [entries.find('/a/b/cam')?.publisher, entries.find('/a/b/cam')?.status, entries.find('/a/b/cam')?.recording],
    [null, 'reconnecting', false],
  );
  const current = (path: string) => (path === '/a/b/cam' ? {} : null);
  context.recorder = { current } as unknown as Recorder;
  assert.equal(entries.find('/a/b/cam')?.recording, true);
  assert.equal(entries.find('/a/b/none'), null);
});

test('the list is made again as soon as an event says that it has changed', () => {
  const { context, publisher, entries } = houseOf({});
  const list = entries.list();
  assert.equal(list.length, 1);
  context.streams = new Map();
  context.eventEmitter.emit('donePublish', publisher);
  // Made in less than the tenth part of what has gone by since, or at the latest when that has gone by.
  const deadline = performance.now() + 5000;
  while (entries.list().length > 0) assert.ok(performance.now() < deadline);
});
