import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SignJWT } from 'jose';
import { WebSocket } from 'ws';
import { type NodeMediaServerConfig, signStream } from '../../src/index.ts';
import { beginStream, Cluster } from '../support/cluster.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';
import { ask, beginning, HttpPublisherClient, RawClient } from '../support/web.ts';

type AuthInput = NonNullable<NodeMediaServerConfig['auth']>;

const tokenSecret = 'a token secret that is long enough';
const soon = () => Math.floor(Date.now() / 1000) + 60;

function token(claims: object = {}): Promise<string> {
  const payload = { action: ['publish', 'play'], path: '/live/*', sub: 'carol', exp: soon(), ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(tokenSecret));
}

const jwt = { secret: 'api', users: [{ username: 'admin', password: 'an admin password' }] };
/** Fast refusals: what they wait for is tested elsewhere. */
const failures = { delayMs: 0 };

function open(workers: number, auth: AuthInput): Promise<Cluster> {
  return Cluster.start({ workers, auth: { jwt, failures, ...auth }, play: { waitMs: 0 } });
}

/** What a peer is told: that it began, or code and description. */
async function overRtmp(cluster: Cluster, mode: 'publish' | 'play', path: string): Promise<string> {
  const before = cluster.sessions.length;
  const peer = await new RtmpPeer(mode, path, { port: cluster.port('rtmp') }).started();
  const failed = peer.events.find((event) => event.kind === 'failed');
  const said = failed?.kind === 'failed' ? `${failed.code} ${failed.description}` : mode;
  peer.leave();
  await until(() => peer.isClosed, 'the end of the connection');
  await until(() => cluster.sessions.length <= before, 'the end of the session');
  return said;
}

function messageOf(text: string): string {
  return (JSON.parse(text) as { message: string }).message;
}

async function overHttp(
  cluster: Cluster,
  mode: 'publish' | 'play',
  path: string,
  headers: Record<string, string> = {},
) {
  const before = cluster.sessions.length;
  const reply =
    mode === 'play'
      ? await ask(cluster.port('http'), path, { headers })
      : await ask(cluster.port('http'), path, { method: 'POST', headers, body: beginning() });
  await until(() => cluster.sessions.length <= before, 'the end of the session');
  return reply.status === 200 ? mode : `${reply.status} ${messageOf(reply.text)}`;
}

/** Opens, or says with which HTTP answer it was refused instead. */
function overWebSocket(cluster: Cluster, mode: 'publish' | 'play', path: string, headers: Record<string, string> = {}) {
  const before = cluster.sessions.length;
  const url = `ws://127.0.0.1:${cluster.port('http')}${path}`;
  const socket = new WebSocket(url, mode === 'publish' ? ['publisher'] : [], { headers });
  return new Promise<string>((resolve, reject) => {
    socket.on('open', () => {
      socket.close(1000);
      socket.on(
        'close',
        () => void until(() => cluster.sessions.length <= before, 'the end').then(() => resolve(mode), reject),
      );
    });
    socket.on('error', reject);
    socket.on('unexpected-response', (_, answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.on('end', () => resolve(`${answer.statusCode} ${messageOf(text)}`));
    });
  });
}

/** Everything that anybody hears of sessions: the log, events with their sessions, the API. */
async function everythingSaid(cluster: Cluster): Promise<string> {
  const port = cluster.port('http');
  const body = JSON.stringify({ username: 'admin', password: 'an admin password' });
  const headers = { 'Content-Type': 'application/json' };
  const login = await ask(port, '/api/v1/login', { method: 'POST', headers, body });
  const { data } = JSON.parse(login.text) as { data: { token: string } };
  const bearer = { Authorization: `Bearer ${data.token}` };
  const answers = await Promise.all(
    ['sessions', 'streams'].map((name) => ask(port, `/api/v1/${name}`, { headers: bearer })),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  );
  const events = cluster.told.map(({ name, session }) => [
    name,
    session.streamPath,
    session.streamName,
    session.streamQuery,
  ]);
  const errors = cluster.running.lines.map(({ fields }) => fields['err']).filter((error) => error instanceof Error);
  return JSON.stringify([cluster.running.lines, errors.map(String), events, answers.map(({ text }) => text)]);
}

for (const workers of [1, 2]) {
  describe(`credentials with ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    test('a signed address opens its stream for its action over every transport, and nothing else does', async () => {
      await using cluster = await open(workers, { publish: true, play: true, secret: 's' });
      const good = `?sign=${signStream('publish', '/live/a', soon(), 's')}`;
      const foreign = `?sign=${signStream('play', '/live/a', soon(), 's')}`;
      const old = `?sign=${signStream('publish', '/live/a', soon() - 120, 's')}`;
      const misfit = 'the signature does not fit this address';
      assert.equal(
        await overRtmp(cluster, 'publish', '/live/a'),
        'NetStream.Publish.BadName needed to publish: a signed address',
      );
      assert.equal(await overRtmp(cluster, 'publish', `/live/a${foreign}`), `NetStream.Publish.BadName ${misfit}`);
      assert.equal(
        await overRtmp(cluster, 'publish', `/live/a${old}`),
        'NetStream.Publish.BadName the signature has expired',
      );
      assert.equal(await overRtmp(cluster, 'play', `/live/a${good}`), `NetStream.Play.Failed ${misfit}`);
      for (const over of [overHttp, overWebSocket]) {
        assert.equal(await over(cluster, 'publish', '/live/a.flv'), '401 needed to publish: a signed address');
        assert.equal(await over(cluster, 'publish', `/live/a.flv${foreign}`), `403 ${misfit}`);
        assert.equal(await over(cluster, 'play', `/live/a.flv${good}`), `403 ${misfit}`);
        assert.equal(await over(cluster, 'publish', `/live/a.flv${good}`), 'publish');
      }
      assert.equal(await overRtmp(cluster, 'publish', `/live/a${good}`), 'publish');
    });

    test('a credential with two values is refused on every transport', async () => {
      await using cluster = await open(workers, { publish: true, secret: 's', streamKeys: { k: '/live/a' } });
      const sign = signStream('publish', '/live/a', soon(), 's');
      for (const query of [`sign=${sign}&sign=x`, `sign=x&sign=${sign}`, 'token=a&token=b', 'key=k&key=j']) {
        const twice = `the parameter "${query.slice(0, query.indexOf('='))}" has two values`;
        assert.equal(await overRtmp(cluster, 'publish', `/live/a?${query}`), `NetStream.Publish.BadName ${twice}`);
        assert.equal(await overRtmp(cluster, 'play', `/live/a?${query}`), `NetStream.Play.Failed ${twice}`);
        assert.equal(await overHttp(cluster, 'publish', `/live/a.flv?${query}`), `400 ${twice}`);
        assert.equal(await overWebSocket(cluster, 'play', `/live/a.flv?${query}`), `400 ${twice}`);
      }
      assert.equal(
        await overHttp(cluster, 'publish', '/live/a.flv?token=a', { Authorization: 'Bearer b' }),
        '400 the parameter "token" has two values',
      );
      assert.equal(await overRtmp(cluster, 'publish', `/live/a?sign=${sign}&sign=${sign}`), 'publish');
    });

    test('a token opens what its claims say, from the address or a header, and names the user', async () => {
      await using cluster = await open(workers, { publish: true, play: true, token: { secret: tokenSecret } });
      const good = await token();
      const header = { Authorization: `Bearer ${good}` };
      const wrong = `${good.slice(0, -6)}topsec`;
      assert.equal(await overRtmp(cluster, 'publish', `/live/a?token=${good}`), 'publish');
      assert.equal(
        await overRtmp(cluster, 'publish', `/show/a?token=${good}`),
        'NetStream.Publish.BadName the token is not for /show/a',
      );
      assert.equal(
        await overRtmp(cluster, 'play', `/live/a?token=${wrong}`),
        'NetStream.Play.Failed the token is not valid',
      );
      for (const over of [overHttp, overWebSocket]) {
        assert.equal(await over(cluster, 'publish', `/live/a.flv?token=${good}`), 'publish');
        assert.equal(await over(cluster, 'publish', '/live/a.flv', header), 'publish');
        assert.equal(await over(cluster, 'publish', '/live/a.flv'), '401 needed to publish: a token');
        assert.equal(await over(cluster, 'publish', `/live/a.flv?token=${wrong}`), '403 the token is not valid');
        assert.equal(
          await over(cluster, 'play', '/live/b.flv?token=', header),
          '400 the parameter "token" has two values',
        );
      }
      const reply = await ask(cluster.port('http'), '/live/a.flv');
      assert.equal(reply.headers['www-authenticate'], 'Sign realm="stream", Bearer realm="stream"');
      const users = new Set(cluster.told.map(({ session }) => session.user));
      assert.deepEqual([...users], ['carol']);
      const said = await everythingSaid(cluster);
      assert.ok(said.includes('/live/a'));
      for (const part of [good, wrong, ...good.split('.').slice(1)]) assert.ok(!said.includes(part), part);
    });

    test('a stream key as the name publishes to its path, over every transport', async () => {
      const streamKeys = { topsecret: '/live/alice', other: '/studio/*' };
      await using cluster = await open(workers, { publish: true, secret: 's', streamKeys });
      const peer = await cluster.publish('/live/topsecret?x=1');
      assert.deepEqual(peer.codes, ['NetStream.Publish.Start']);
      const [config] = beginStream(peer);
      const player = await cluster.play('/live/alice');
      await until(() => player.packets.length > 2, 'media');
      assert.ok(player.packets.some(({ origin }) => origin?.equals(config!)));
      const before = cluster.told.find(({ name }) => name === 'prePublish')!.session;
      assert.deepEqual([before.streamPath, { ...before.streamQuery }], ['/live/alice', { x: '1' }]);
      assert.match(
        await overRtmp(cluster, 'play', '/live/topsecret'),
        /^NetStream\.Play\.StreamNotFound \/live\/topsecret is not/,
      );
      assert.match(await overHttp(cluster, 'play', '/live/topsecret.flv'), /^404 \/live\/topsecret is not/);
      assert.match(await overHttp(cluster, 'play', '/live/nobody.flv'), /^404 \/live\/nobody is not/);
      const everything = await everythingSaid(cluster);
      player.leave();
      peer.leave();
      await until(() => cluster.context.streams.size === 0, 'the end of the stream');

      const publisher = new HttpPublisherClient(cluster.port('http'), '/live/topsecret.flv');
      publisher.write(beginning());
      await until(() => cluster.context.streams.has('/live/alice'), 'the stream');
      assert.equal((JSON.parse((await publisher.end()).text) as { data: object }).data.constructor, Object);
      assert.match((await publisher.answer).text, /"streamPath":"\/live\/alice"/);
      assert.equal(await overWebSocket(cluster, 'publish', '/live/topsecret.flv'), 'publish');
      const said = everything + (await everythingSaid(cluster));
      assert.ok(said.includes('/live/alice') && said.includes('/live/~hidden'));
      assert.ok(
        !said.includes('topsecret'),
        said.slice(said.indexOf('topsecret') - 300, said.indexOf('topsecret') + 50),
      );
    });

    test('a stream key as a parameter opens its path or pattern', async () => {
      const streamKeys = { topsecret: '/live/alice', other: '/studio/*' };
      await using cluster = await open(workers, { publish: true, secret: 's', streamKeys });
      assert.equal(await overRtmp(cluster, 'publish', '/studio/one?key=other'), 'publish');
      assert.equal(await overHttp(cluster, 'publish', '/studio/two.flv?key=other'), 'publish');
      assert.equal(await overWebSocket(cluster, 'publish', '/live/alice.flv?key=topsecret'), 'publish');
      const elsewhere = 'the stream key is for something else';
      assert.equal(
        await overRtmp(cluster, 'publish', '/live/bob?key=topsecret'),
        `NetStream.Publish.BadName ${elsewhere}`,
      );
      assert.equal(await overHttp(cluster, 'publish', '/live/bob.flv?key=guess'), '403 the stream key is wrong');
      assert.equal(
        await overHttp(cluster, 'publish', '/studio/a.flv'),
        '401 needed to publish: a signed address or a stream key',
      );
      const hint = 'the stream key goes with ?key= behind a name';
      assert.equal(await overHttp(cluster, 'publish', '/studio/other.flv'), `403 ${hint}`);
      const said = await everythingSaid(cluster);
      for (const key of ['topsecret', 'guess', '"key"', 'sha256']) assert.ok(!said.includes(key), key);
      assert.ok(!/studio\/other/.test(said));
    });

    test('a mistyped stream key is refused and shown to nobody', async () => {
      await using cluster = await open(workers, {
        publish: true,
        secret: 's',
        streamKeys: { topsecret: '/live/alice' },
      });
      assert.equal(
        await overRtmp(cluster, 'publish', '/live/topsceret'),
        'NetStream.Publish.BadName the stream key is wrong',
      );
      assert.equal(await overHttp(cluster, 'publish', '/live/topsceret.flv'), '403 the stream key is wrong');
      assert.equal(
        await overRtmp(cluster, 'publish', '/show/topsecret'),
        'NetStream.Publish.BadName the stream key is for something else',
      );
      const sign = signStream('publish', '/live/bob', soon(), 's');
      assert.equal(await overRtmp(cluster, 'publish', `/live/bob?sign=${sign}`), 'publish');
      const said = await everythingSaid(cluster);
      for (const key of ['topsceret', 'topsecret']) assert.ok(!said.includes(key), key);
      assert.ok(said.includes('/live/bob'));
    });

    test('where no credential is needed a stream key still never becomes a public name', async () => {
      await using cluster = await open(workers, { streamKeys: { topsecret: '/live/alice' } });
      assert.equal(await overRtmp(cluster, 'publish', '/live/topsecret'), 'publish');
      assert.equal(
        await overRtmp(cluster, 'publish', '/show/topsecret'),
        'NetStream.Publish.BadName the stream key is for something else',
      );
      assert.equal(await overRtmp(cluster, 'publish', '/live/anybody'), 'publish');
      assert.deepEqual(
        cluster.told.filter(({ name }) => name === 'postPublish').map(({ session }) => session.streamPath),
        ['/live/alice', '/live/anybody'],
      );
      assert.ok(!(await everythingSaid(cluster)).includes('topsecret'));
    });

    test('wrong credentials shut an address out when that is asked for, whatever it brings then', async () => {
      await using cluster = await open(workers, { publish: true, secret: 's', failures: { delayMs: 0, banAfter: 3 } });
      const good = `/live/a.flv?sign=${signStream('publish', '/live/a', soon(), 's')}`;
      for (let count = 0; count < 5; count++) await overHttp(cluster, 'publish', '/live/a.flv');
      assert.equal(await overHttp(cluster, 'publish', good), 'publish');
      for (let count = 0; count < 3; count++) await overHttp(cluster, 'publish', '/live/a.flv?sign=guess');
      const out = '429 too many failed attempts from this address; it is shut out for a while';
      assert.equal(await overHttp(cluster, 'publish', good), out);
      assert.equal(await overHttp(cluster, 'play', '/live/a.flv'), out);
      const elsewhere = await cluster.publish(good.replace('.flv', ''), { localAddress: '127.0.0.2' });
      assert.deepEqual(elsewhere.codes, ['NetStream.Publish.Start']);
    });
  });
}

describe('a refusal that is held back', () => {
  test('holds nobody else up, and ends with its peer', async () => {
    const auth = { publish: true, play: true, secret: 's', failures: { delayMs: 3_600_000, maxDelayMs: 3_600_000 } };
    await using cluster = await open(1, auth);
    const port = cluster.port('http');
    const good = `/live/a.flv?sign=${signStream('play', '/live/a', soon(), 's')}`;
    assert.match(await overHttp(cluster, 'play', '/live/a.flv?sign=guess'), /^403 /);
    const held = RawClient.open(port, 'GET /live/a.flv?sign=guess HTTP/1.1', 'Host: a');
    await until(() => cluster.sessions.length === 1, 'the session');
    assert.match(await overHttp(cluster, 'play', good), /^404 /);
    assert.match(await overHttp(cluster, 'play', '/live/a.flv'), /^401 /);
    assert.equal(held.hasHead, false);
    held.socket.destroy();
    await until(() => cluster.sessions.length === 0, 'nobody');
  });

  test('leaves further guesses of its address unread, not those of others', async () => {
    const auth = { play: true, secret: 's', failures: { delayMs: 3_600_000, maxDelayMs: 3_600_000 } };
    await using cluster = await open(1, auth);
    const port = cluster.port('http');
    const good = `/live/a.flv?sign=${signStream('play', '/live/a', soon(), 's')}`;
    await overHttp(cluster, 'play', '/live/a.flv?sign=guess');
    for (let count = 0; count < 8; count++) RawClient.open(port, 'GET /live/a.flv?sign=guess HTTP/1.1', 'Host: a');
    await until(() => cluster.sessions.length === 8, 'the sessions');
    assert.equal(
      await overHttp(cluster, 'play', good),
      '429 too many failed attempts from this address; try again later',
    );
    const other = new RtmpPeer('play', good.replace('.flv', '').replace('/live', '/live'), {
      port: cluster.port('rtmp'),
      localAddress: '127.0.0.2',
    });
    assert.deepEqual((await other.started()).codes, ['NetStream.Play.StreamNotFound']);
  });
});

describe('wrong credentials', () => {
  test('are forgiven who shows a right one to publish, not who merely may watch', async () => {
    await using cluster = await open(1, {
      publish: true,
      play: true,
      secret: 's',
      failures: { delayMs: 0, banAfter: 2 },
    });
    const sign = (action: 'publish' | 'play') => `/live/a.flv?sign=${signStream(action, '/live/a', soon(), 's')}`;
    const guess = () => overHttp(cluster, 'publish', '/live/a.flv?sign=guess');
    assert.equal(await guess(), '403 the signature is malformed');
    assert.equal(await overHttp(cluster, 'publish', sign('publish')), 'publish');
    assert.equal(await guess(), '403 the signature is malformed');
    assert.match(await overHttp(cluster, 'play', sign('play')), /^404 /);
    assert.equal(await guess(), '403 the signature is malformed');
    assert.match(await guess(), /^429 /);
    const [line] = cluster.running.lines.filter(({ level }) => level === 'warn');
    assert.deepEqual(
      [line?.message, line?.fields['attempts']],
      ['the address is shut out: too many failed attempts', 2],
    );
  });
});

describe('the configuration', () => {
  test('needs a credential that can be right where one is needed', async () => {
    const start = (auth: AuthInput) => open(1, auth).then((cluster) => cluster[Symbol.asyncDispose]());
    await assert.rejects(start({ publish: true }), {
      message:
        'auth.secret is empty; auth.publish needs one, or another credential (auth.token, auth.publishers, auth.streamKeys)',
    });
    await assert.rejects(start({ play: true, streamKeys: { k: '/live/a' } }), /auth\.play needs one, or another/);
    await assert.rejects(start({ play: true, publishers: [{ username: 'a', password: 'b' }] }), /auth\.play needs one/);
    await start({ publish: true, streamKeys: { k: '/live/a' } });
    await start({ publish: true, play: true, token: { secret: tokenSecret } });
    await start({ publish: true, play: true, publishers: [{ username: 'a', password: 'b', play: true }] });
  });

  test('with an empty secret accepts no signature, not even one made with it', async () => {
    await using cluster = await open(1, { publish: true, token: { secret: tokenSecret } });
    const sign = signStream('publish', '/live/a', soon(), '');
    assert.equal(
      await overHttp(cluster, 'publish', `/live/a.flv?sign=${sign}`),
      '403 signed addresses are switched off',
    );
  });
});
