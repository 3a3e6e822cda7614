import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Recorder, Recording } from '../../src/core/recorder.ts';
import type { StreamPath } from '../../src/core/stream-path.ts';
import { AbsentError, BusyError, RecordError } from '../../src/errors.ts';
import { type ApiHouse, startApiHouse } from '../support/api-house.ts';
import { beginStream } from '../support/cluster.ts';
import type { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';
import { RawClient } from '../support/web.ts';

async function publish(house: ApiHouse, path = '/live/a'): Promise<RtmpPeer> {
  const publisher = await house.rtmp('publish', path);
  beginStream(publisher);
  await until(() => (house.context.streams.get(path as StreamPath)?.tracks.length ?? 0) === 2, `the tracks of ${path}`);
  return publisher;
}

/** Asked again until it says so: lists may be a tenth of a second old. */
async function listed(house: ApiHouse, query: string, isRight: (data: ApiData) => boolean): Promise<ApiData> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const reply = await house.guest(`/streams${query}`);
    assert.equal(reply.status, 200, reply.text);
    if (isRight(reply.body.data)) return reply.body.data;
    if (performance.now() > deadline) assert.fail(reply.text);
  }
}

// oxlint-disable-next-line typescript/no-explicit-any
type ApiData = any;

for (const workers of [1, 2]) {
  describe(`API: streams, ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    test('a stream is shown with its media, its publisher and its viewers by transport', async () => {
      await using house = await startApiHouse({ workers });
      const publisher = await publish(house);
      await house.rtmp('play');
      const flv = await RawClient.open(house.port, 'GET /live/a.flv?sign=topsecret HTTP/1.1', 'Host: test').answered();
      await until(() => house.context.streams.get('/live/a')?.playerCount === 2, 'two players');
      const { streams, total, page } = await listed(house, '', ({ streams: [stream] }) => stream.subscribers === 2);
      assert.deepEqual([total, page], [1, 1]);
      const [stream] = streams;
      assert.deepEqual(
        [stream.key, stream.app, stream.name, stream.status, stream.recording],
        ['/live/a', 'live', 'a', 'publishing', false],
      );
      assert.deepEqual(stream.viewers, {
        rtmp: 1,
        rtmps: 0,
        'http-flv': 1,
        'https-flv': 0,
        'ws-flv': 0,
        'wss-flv': 0,
      });
      const { publisher: shown, tracks, health } = stream;
      assert.deepEqual(
        [shown.protocol, shown.address, shown.videoCodec, shown.videoWidth, shown.audioCodec, shown.user],
        ['rtmp', '127.0.0.1', 7, 320, 10, ''],
      );
      assert.equal(shown.ip, `127.0.0.1:${publisher.socket.localPort}`);
      assert.ok(shown.inBytes > 0 && stream.createTime >= shown.createTime - 1);
      const [audio, video] = tracks;
      assert.deepEqual(
        [video.kind, video.codec, video.level, audio.kind, audio.codec, audio.sampleRate],
        ['video', 'avc', '3.0', 'audio', 'aac', 44100],
      );
      assert.ok(['good', 'warning', 'problem'].includes(health.status));
      const one = await house.guest('/streams/live/a');
      assert.deepEqual([one.status, one.body.data.key, one.body.data.subscribers], [200, '/live/a', 2]);
      assert.equal((await house.guest('/streams')).text.includes('topsecret'), false);
      flv.socket.destroy();
    });

    test('what is measured of the media is shown with its track', async () => {
      await using house = await startApiHouse({ workers });
      await publish(house);
      const videoOf = ({ streams: [stream] }: ApiData) => stream.tracks.find(({ kind }: ApiData) => kind === 'video');
      const { measured } = videoOf(await listed(house, '', (data) => videoOf(data)?.measured?.packets > 0));
      assert.deepEqual([measured.packets > 0, measured.bytes > 0, 'id' in measured], [true, true, false]);
    });

    test('a deep app is one percent-encoded part; what is not there is 404', async () => {
      await using house = await startApiHouse({ workers });
      await publish(house, '/a/b/cam');
      const reply = await house.guest('/streams/a%2Fb/cam');
      assert.deepEqual([reply.status, reply.body.data.app, reply.body.data.name], [200, 'a/b', 'cam']);
      for (const path of ['/streams/a%2Fb/none', '/streams/..%2F..%2Fetc/passwd', '/streams/live/%00']) {
        const absent = await house.guest(path);
        assert.deepEqual(
          [absent.status, absent.body.code, absent.body.message],
          [404, 'NOT_FOUND', 'Stream not found'],
        );
      }
    });
  });
}

describe('API: lists of streams', () => {
  test('are filtered, sorted and paged', async () => {
    await using house = await startApiHouse();
    for (const path of ['/live/b', '/live/a', '/other/c']) await publish(house, path);
    await house.rtmp('play', '/live/a');
    const keys = async (query: string) => {
      const { streams } = (await house.guest(`/streams${query}`)).body.data;
      return streams.map(({ key }: { key: string }) => key);
    };
    await listed(house, '', ({ total }) => total === 3);
    assert.deepEqual(await keys(''), ['/live/b', '/live/a', '/other/c']);
    assert.deepEqual(await keys('?app=live&sort=key'), ['/live/a', '/live/b']);
    assert.deepEqual(await keys('?name=c'), ['/other/c']);
    assert.deepEqual(await keys('?status=idle'), []);
    assert.deepEqual(await keys('?protocol=rtmp&sort=key&order=desc'), ['/other/c', '/live/b', '/live/a']);
    assert.deepEqual(await keys('?protocol=ws-flv'), []);
    assert.deepEqual(await keys('?search=IVE'), ['/live/b', '/live/a']);
    await listed(house, '?sort=subscribers&order=desc', ({ streams: [first] }) => first.key === '/live/a');
    const paged = (await house.guest('/streams?sort=key&pageSize=2&page=2')).body.data;
    assert.deepEqual(
      [paged.streams.map(({ key }: { key: string }) => key), paged.total, paged.page, paged.pageSize],
      [['/other/c'], 3, 2, 2],
    );
    for (const query of ['?page=x', '?sort=secret', '?status=dead', '?app=a&app=b', '?order=up']) {
      const refused = await house.guest(`/streams${query}`);
      assert.deepEqual([refused.status, refused.body.code], [400, 'BAD_REQUEST'], query);
    }
  });

  test('a stream that ended is not listed, whoever asked a moment before', async () => {
    await using house = await startApiHouse();
    for (let i = 0; i < 5; i++) {
      const publisher = await publish(house);
      await listed(house, '', ({ total }) => total === 1);
      publisher.leave();
      await until(() => house.context.streams.size === 0, 'the end');
      assert.equal((await house.guest('/streams/live/a')).status, 404);
      await listed(house, '', ({ total }) => total === 0);
    }
  });
});

describe('API: addresses of a stream', () => {
  const urlsOf = (data: ApiData) =>
    data.urls.map(({ protocol, url }: { protocol: string; url: string }) => [protocol, url]);

  test('are plain where nothing is asked of players, with the host of the request and the ports of the doors', async () => {
    await using house = await startApiHouse();
    const { data } = (await house.guest('/streams/a%2Fb/cam/urls', { headers: { Host: 'example.org:80' } })).body;
    assert.deepEqual(
      [data.app, data.name, data.streamPath, data.status, data.signed, data.expiresAt],
      ['a/b', 'cam', '/a/b/cam', 'idle', false, null],
    );
    assert.deepEqual(urlsOf(data), [
      ['rtmp', `rtmp://example.org:${house.running.port('rtmp')}/a/b/cam`],
      ['http-flv', `http://example.org:${house.port}/a/b/cam.flv`],
      ['ws-flv', `ws://example.org:${house.port}/a/b/cam.flv`],
    ]);
    const bad = await house.guest('/streams/live/a/urls', { headers: { Host: 'a"b' } });
    assert.deepEqual([bad.status, bad.body.code], [400, 'BAD_REQUEST']);
    const name = await house.guest('/streams/live/..%2Fx/urls');
    assert.deepEqual([name.status, name.body.code], [400, 'BAD_REQUEST']);
  });

  test('are signed where players need that, let in, and are for administrators only', async () => {
    await using house = await startApiHouse({}, { play: true, publish: true, secret: 'the secret of addresses' });
    const refused = await house.guest('/streams/live/a/urls');
    assert.deepEqual([refused.status, refused.body.code], [403, 'FORBIDDEN']);
    assert.equal((await house.guest('/streams/live/a/urls?action=publish')).status, 403);

    const before = Math.floor(Date.now() / 1000);
    const { data } = (await house.admin('/streams/live/a/urls?ttl=1')).body;
    assert.equal(data.signed, true);
    const ends = Date.parse(data.expiresAt) / 1000;
    assert.ok(ends >= before + 60 && ends <= before + 62, 'a ttl below the least is the least');
    const { data: publishing } = (await house.admin('/streams/live/a/urls?action=publish')).body;
    const [, publishUrl] = urlsOf(publishing).find(([protocol]: string[]) => protocol === 'rtmp');
    const [, playUrl] = urlsOf(data).find(([protocol]: string[]) => protocol === 'http-flv');
    assert.equal(JSON.stringify([data, publishing]).includes('the secret'), false);

    const { pathname, search } = new URL(publishUrl);
    const publisher = await house.rtmp('publish', pathname + search);
    assert.deepEqual(publisher.codes, ['NetStream.Publish.Start']);
    beginStream(publisher);
    const play = new URL(playUrl);
    const player = await RawClient.open(
      house.port,
      `GET ${play.pathname}${play.search} HTTP/1.1`,
      'Host: a',
    ).answered();
    assert.equal(player.status, 200);
    const other = await RawClient.open(house.port, `GET ${play.pathname} HTTP/1.1`, 'Host: a').answered();
    assert.equal(other.status, 401);
    player.socket.destroy();
  });
});

/** Records nothing and remembers everything. */
class FakeRecorder {
  readonly #context: ApiHouse['context'];
  readonly #current = new Map<StreamPath, Recording>();
  isWritable = true;

  constructor(context: ApiHouse['context']) {
    this.#context = context;
  }

  async start(streamPath: StreamPath): Promise<Recording> {
    if (this.#context.streams.get(streamPath)?.publisher == null) throw new AbsentError('nobody publishes it');
    if (this.#current.has(streamPath)) throw new BusyError('it is being recorded');
    if (!this.isWritable) throw new RecordError('/secret/folder cannot be written');
    const recording = {
      id: 'r1',
      streamPath,
      filePath: 'live/a/1.flv',
      startTime: 7,
      duration: 0,
      size: 13,
    } as Recording;
    this.#current.set(streamPath, recording);
    return recording;
  }

  async stop(streamPath: StreamPath): Promise<Recording> {
    const recording = this.#current.get(streamPath);
    if (recording === undefined) throw new AbsentError('it is not being recorded');
    this.#current.delete(streamPath);
    return recording;
  }

  current(streamPath: StreamPath): Recording | null {
    return this.#current.get(streamPath) ?? null;
  }
}

test('API: a recording is begun, shown and ended, with the refusals that scripts know', async () => {
  await using house = await startApiHouse();
  const recorder = new FakeRecorder(house.context);
  house.context.recorder = recorder as unknown as Recorder;
  const record = (method: string, ask = house.admin) => ask('/streams/live/a/record', { method });
  const refusal = async (method: string) => {
    const { status, body } = await record(method);
    return [status, body.code, body.message];
  };
  assert.deepEqual(await refusal('POST'), [400, 'BAD_REQUEST', 'Stream is not publishing']);
  await publish(house);
  assert.deepEqual((await record('GET', house.guest)).body.data, { recording: false });
  assert.deepEqual(await refusal('DELETE'), [400, 'BAD_REQUEST', 'Stream is not recording']);
  assert.equal((await record('POST', house.guest)).status, 403);
  recorder.isWritable = false;
  assert.deepEqual(await refusal('POST'), [400, 'BAD_REQUEST', 'Record path is not configured or not writable']);
  recorder.isWritable = true;
  const begun = await record('POST');
  assert.deepEqual([begun.status, begun.body.data], [200, { recordId: 'r1', filePath: 'live/a/1.flv', startTime: 7 }]);
  assert.equal(begun.body.message, 'Recording started');
  assert.deepEqual(await refusal('POST'), [400, 'BAD_REQUEST', 'Stream is already recording']);
  assert.deepEqual((await record('GET')).body.data, {
    recording: true,
    recordId: 'r1',
    filePath: 'live/a/1.flv',
    startTime: 7,
  });
  assert.equal((await house.guest('/streams/live/a')).body.data.recording, true);
  assert.equal((await record('DELETE', house.guest)).status, 403);
  assert.equal((await record('DELETE')).status, 200);
  assert.deepEqual((await record('GET')).body.data, { recording: false });
  house.context.recorder = null;
  assert.deepEqual(await refusal('POST'), [400, 'BAD_REQUEST', 'Record path is not configured or not writable']);
});
