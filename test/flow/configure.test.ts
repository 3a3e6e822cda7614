import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import type { Configuration } from '../../src/core/configuration.ts';
import type { ConfigSource } from '../../src/core/config-source.ts';
import { NodeMediaServer, type NodeMediaServerConfig } from '../../src/index.ts';
import { beginStream } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import { textHeader } from '../support/proxy.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { type LogLine, recordingLogger } from '../support/house.ts';
import { until } from '../support/wait.ts';
import { ask } from '../support/web.ts';
import { Receiver } from './notify-receiver.ts';

const PATH = '/live/a';

/** A server that runs, everything a test has open with it, and a folder; all gone with the test. */
class Lab {
  readonly server: NodeMediaServer;
  readonly lines: LogLine[];
  readonly folder: string;
  readonly config: NodeMediaServerConfig;
  readonly #peers: RtmpPeer[] = [];

  private constructor(parts: Pick<Lab, 'server' | 'lines' | 'folder' | 'config'>) {
    this.server = parts.server;
    this.lines = parts.lines;
    this.folder = parts.folder;
    this.config = parts.config;
  }

  static async start(t: TestContext, more: NodeMediaServerConfig, source: ConfigSource = {}): Promise<Lab> {
    const folder = mkdtempSync(join(tmpdir(), 'nms-configure-'));
    const lines: LogLine[] = [];
    const config = { bind: '127.0.0.1', rtmp: { port: 0 }, http: { port: 0 }, ...more };
    const server = new NodeMediaServer(config, { logger: recordingLogger(lines), folder, source });
    const lab = new Lab({ server, lines, folder, config });
    t.after(async () => {
      for (const { socket } of lab.#peers) socket.destroy();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    await server.run();
    return lab;
  }

  get configuration(): Configuration {
    return this.server.context.configuration!;
  }

  port(name: string): number {
    return this.server.listeners.find((listener) => listener.name === name)?.port ?? 0;
  }

  /** The configuration of the start with other sections. */
  change(more: NodeMediaServerConfig) {
    return this.server.configure({ ...this.config, ...more });
  }

  async peer(mode: 'publish' | 'play', path = PATH, port = this.port('rtmp')): Promise<RtmpPeer> {
    const peer = new RtmpPeer(mode, path, { port });
    this.#peers.push(peer);
    return peer.started();
  }

  /** A peer whose connection or wish is refused: with which code, `''` for a connection that is cut. */
  async refusal(mode: 'publish' | 'play', path = PATH, port = this.port('rtmp')): Promise<string> {
    const peer = await this.peer(mode, path, port);
    return peer.codes.at(-1) ?? '';
  }
}

async function writePair(folder: string, name: string): Promise<{ readonly key: string; readonly cert: string }> {
  const pair = await generate([{ name: 'commonName', value: name }], { keySize: 2048 });
  writeFileSync(join(folder, `${name}.key`), pair.private);
  writeFileSync(join(folder, `${name}.crt`), pair.cert);
  return { key: `${name}.key`, cert: `${name}.crt` };
}

/** Whom a TLS door says it is. */
async function nameOf(port: number): Promise<string> {
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const opened = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => resolve(opened));
    opened.once('error', reject);
  });
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

/** A port that is free at the moment. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const texts = (peer: RtmpPeer) =>
  peer.packets.filter(({ type }) => type === 'frame').map(({ data }) => data.toString());

for (const workers of [1, 2]) {
  describe(`a configuration that changes while ${workers === 1 ? 'one process serves' : 'two workers serve'}`, () => {
    test('ten changes of all kinds: twenty players are not dropped, and miss nothing', async (t) => {
      await using receiver = await Receiver.open();
      const lab = await Lab.start(t, { workers, https: { port: 0 } });
      const publisher = await lab.peer('publish');
      beginStream(publisher);
      await until(() => lab.server.context.streams.get(PATH)?.tracks.length === 2, 'the stream is live');
      const players: RtmpPeer[] = [];
      for (let index = 0; index < 20; index++) players.push(await lab.peer('play'));
      await until(() => players.every(({ packets }) => packets.some(({ type }) => type === 'key')), 'all play');
      const pair = await writePair(lab.folder, 'second');
      const free = await freePort();
      const changes: NodeMediaServerConfig[] = [
        { access: { play: { deny: ['127.0.0.1'] } } },
        { auth: { secret: 'rotated', play: true, publish: true } },
        { auth: { streamKeys: { key1: PATH } } },
        { auth: { publishers: [{ username: 'cam', password: 'p' }], jwt: { users: [] } } },
        { notify: { targets: [{ url: receiver.url, events: ['postPlay'] }] } },
        { https: { port: 0, ...pair } },
        { rtmp: { port: free, chunkSize: 4096 } },
        { limits: { maxConnectionsPerAddress: 1, maxConnections: 1 }, trustedProxies: ['127.0.0.1'] },
        { play: { maxBacklogBytes: 1, waitMs: 0 }, gop: { enabled: false }, publish: { graceMs: 0, takeover: true } },
        { log: { level: 'debug' }, flv: { origins: ['https://example.com'] }, webadmin: { enable: false } },
      ];
      const sent: string[] = [];
      const send = (label: string) => {
        sent.push(`a${label}`);
        publisher.send('audio', sent.length * 20, bodies.aac(`a${label}`));
      };
      for (const [index, change] of changes.entries()) {
        send(`${index} before`);
        const plan = lab.change(change);
        send(`${index} meanwhile`);
        const { isApplied, droppedSessions } = await plan;
        assert.deepEqual([isApplied, droppedSessions], [true, 0]);
        send(`${index} after`);
      }
      await until(() => players.every((player) => texts(player).length >= sent.length), 'the last frame is everywhere');
      for (const player of [publisher, ...players]) assert.equal(player.isClosed, false);
      for (const player of players) assert.deepEqual(texts(player), sent);
      assert.equal(lab.server.context.counters.get('config_reloads', 'ok'), 10);
      assert.equal(lab.server.context.sessions.size, 21);
    });

    test('rules and credentials count for whoever comes next', async (t) => {
      const lab = await Lab.start(t, { workers });
      const staying = await lab.peer('publish');
      await lab.change({ access: { publish: { deny: ['127.0.0.1'] } } });
      assert.equal(await lab.refusal('publish', '/live/b'), 'NetStream.Publish.BadName');
      await lab.change({ auth: { publish: true, streamKeys: { k1: '/live/b' } } });
      assert.equal(await lab.refusal('publish', '/live/c'), 'NetStream.Publish.BadName');
      assert.equal(await lab.refusal('publish', '/live/b?key=k1'), 'NetStream.Publish.Start');
      await lab.change({ auth: { publish: true, streamKeys: { k2: '/live/c' } } });
      assert.equal(await lab.refusal('publish', '/live/c?key=k1'), 'NetStream.Publish.BadName');
      assert.equal(await lab.refusal('publish', '/live/c?key=k2'), 'NetStream.Publish.Start');
      await lab.change({});
      assert.equal(await lab.refusal('publish', '/live/d'), 'NetStream.Publish.Start');
      assert.equal(staying.isClosed, false);
    });

    test('a proxy is believed from then on, and one that is trusted no more is not', async (t) => {
      const lab = await Lab.start(t, { workers });
      const addressOf = async (path: string, header: Buffer | null) => {
        const socket = connect(lab.port('rtmp'), '127.0.0.1');
        if (header !== null) socket.write(header);
        await new RtmpPeer('publish', path, { port: lab.port('rtmp'), socket }).started();
        t.after(() => socket.destroy());
        const sessions = [...lab.server.context.sessions.values()];
        return sessions.find(({ streamPath }) => streamPath === path)?.address;
      };
      assert.equal(await addressOf('/live/a', null), '127.0.0.1');
      await lab.change({ trustedProxies: ['127.0.0.1'] });
      assert.equal(await addressOf('/live/b', textHeader('192.0.2.7', 5000)), '192.0.2.7');
      await lab.change({});
      assert.equal(await addressOf('/live/c', null), '127.0.0.1');
      assert.equal(await addressOf('/live/d', textHeader('192.0.2.7', 5000)), undefined);
    });

    test('limits of connections hold for whoever comes next', async (t) => {
      const lab = await Lab.start(t, { workers });
      const staying = [await lab.peer('publish', '/live/a'), await lab.peer('publish', '/live/b')];
      await lab.change({ limits: { maxConnectionsPerAddress: 2 } });
      assert.equal((await lab.peer('publish', '/live/c')).isClosed, true);
      await lab.change({ limits: { maxConnectionsPerAddress: 3 } });
      assert.equal(await lab.refusal('publish', '/live/c'), 'NetStream.Publish.Start');
      assert.equal(
        staying.some(({ isClosed }) => isClosed),
        false,
      );
    });

    test('webhooks: a new target is told, one that is gone no more', async (t) => {
      await using first = await Receiver.open();
      await using second = await Receiver.open();
      const lab = await Lab.start(t, { workers });
      const notify = ({ url }: Receiver) => ({ targets: [{ url, events: ['postPublish' as const] }] });
      await lab.peer('publish', '/live/a');
      await lab.change({ notify: notify(first) });
      await lab.peer('publish', '/live/b');
      await until(() => first.calls.length === 1, 'the first is told');
      await lab.change({ notify: notify(second) });
      await lab.peer('publish', '/live/c');
      await until(() => second.calls.length === 1, 'the second is told');
      await lab.change({});
      await lab.peer('publish', '/live/d');
      const paths = ({ calls }: Receiver) =>
        calls.map(({ body }) => (body['session'] as { streamPath: string }).streamPath);
      assert.deepEqual([paths(first), paths(second)], [['/live/b'], ['/live/c']]);
    });

    test('doors: one moves, one opens, one shuts; who came through them stays', async (t) => {
      const lab = await Lab.start(t, { workers });
      const [before, port] = [lab.port('rtmp'), await freePort()];
      const publisher = await lab.peer('publish');
      beginStream(publisher);
      const player = await lab.peer('play');
      const plan = await lab.change({ rtmp: { port }, https: { port: 0 } });
      assert.deepEqual(plan.listeners, [
        { name: 'rtmp', from: `127.0.0.1:${before}`, to: `127.0.0.1:${port}` },
        { name: 'https', from: null, to: `127.0.0.1:${lab.port('https')}` },
      ]);
      assert.equal((await lab.peer('play', PATH, before)).error?.message.includes('ECONNREFUSED'), true);
      const late = await lab.peer('play', PATH, port);
      publisher.send('audio', 20, bodies.aac('after'));
      await until(() => [player, late].every((peer) => texts(peer).includes('after')), 'both play on');
      assert.equal(await nameOf(lab.port('https')).then((name) => name !== ''), true);
      const { http: _, ...withoutHttp } = lab.config;
      const shut = await lab.server.configure({ ...withoutHttp, rtmp: { port } });
      assert.deepEqual(
        shut.listeners.map(({ name, to }) => [name, to]),
        [
          ['http', null],
          ['https', null],
        ],
      );
      assert.deepEqual(
        lab.server.listeners.map(({ name }) => name),
        ['rtmp'],
      );
      await lab.change({ rtmp: { port } });
      assert.equal((await ask(lab.port('http'), '/streams.json')).status, 200);
      assert.equal(
        [publisher, player, late].some(({ isClosed }) => isClosed),
        false,
      );
    });

    test('a certificate: new connections see it, and it may be made of a self-signed one', async (t) => {
      const lab = await Lab.start(t, { workers, rtmps: { port: 0 }, https: { port: 0 } });
      const [one, two] = [await writePair(lab.folder, 'one'), await writePair(lab.folder, 'two')];
      const ports = [lab.port('rtmps'), lab.port('https')];
      await lab.change({ rtmps: { port: 0, ...one }, https: { port: 0, ...one } });
      assert.deepEqual(await Promise.all(ports.map(nameOf)), ['one', 'one']);
      await lab.change({ rtmps: { port: 0, ...one }, https: { port: 0, ...two } });
      assert.deepEqual(await Promise.all(ports.map(nameOf)), ['one', 'two']);
      await assert.rejects(lab.change({ https: { port: 0, key: 'absent.key', cert: 'two.crt' } }), {
        code: 'NMS_CONFIG',
        path: 'https.key',
      });
      assert.deepEqual(await Promise.all(ports.map(nameOf)), ['one', 'two']);
      assert.deepEqual([lab.port('rtmps'), lab.port('https')], ports);
    });

    test('a change whose second door is taken changes nothing, and its first one is free again', async (t) => {
      const lab = await Lab.start(t, { workers });
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      t.after(() => taken.close());
      const busy = (taken.address() as AddressInfo).port;
      const free = await freePort();
      const before = lab.server.listeners.map(({ address }) => address);
      const { config } = lab.server.context;
      const peer = await lab.peer('publish');
      await assert.rejects(lab.change({ rtmp: { port: free }, http: { port: busy }, play: { waitMs: 1 } }), {
        code: 'NMS_LISTEN',
        address: `127.0.0.1:${busy}`,
      });
      assert.deepEqual(
        lab.server.listeners.map(({ address }) => address),
        before,
      );
      assert.equal(lab.server.context.config, config);
      assert.equal((await lab.peer('play', PATH, free)).error?.message.includes('ECONNREFUSED'), true);
      assert.equal(await lab.refusal('publish', '/live/b'), 'NetStream.Publish.Start');
      assert.equal(peer.isClosed, false);
      assert.equal(lab.server.context.counters.get('config_reloads', 'refused'), 1);
      await lab.change({ rtmp: { port: free } });
      assert.equal(lab.port('rtmp'), free);
    });

    test('what needs a restart waits for it, and is named', async (t) => {
      const lab = await Lab.start(t, { workers });
      const plan = await lab.change({ workers: workers + 1, store: { path: './elsewhere' }, play: { waitMs: 7 } });
      assert.deepEqual(plan.restart, ['workers', 'store.path']);
      const { config } = lab.server.context;
      assert.deepEqual([config.workers, config.store.path, config.play.waitMs], [workers, './data', 7]);
      assert.ok(lab.lines.some(({ message }) => message === 'the new workers, store.path wait for a restart'));
      const back = await lab.change({ play: { waitMs: 7 } });
      assert.deepEqual([back.restart, back.changes.map(({ key }) => key)], [[], ['workers', 'store.path']]);
    });
  });
}

test('a worker that takes the place of one that died begins with the new configuration', async (t) => {
  const lab = await Lab.start(t, { workers: 2 });
  await lab.change({ play: { waitMs: 0 }, https: { port: 0 } });
  const pids = lab.lines.filter(({ message }) => /^worker \d serves$/.test(message)).map(({ fields }) => fields['pid']);
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
  const died = () => lab.lines.filter(({ message }) => / died \(/.test(message)).length;
  await until(() => died() === 2 && lab.server.context.workers.size === 2, 'both are replaced', 20_000);
  assert.equal(await lab.refusal('play', '/live/nothing'), 'NetStream.Play.StreamNotFound');
  assert.notEqual(await nameOf(lab.port('https')), '');
});

describe('the configuration as others see it', () => {
  /** Keeps what would be written. */
  function keeper(written: unknown[]): ConfigSource {
    return {
      holderOf: (key) => (key === 'http.port' ? '--http-port' : null),
      persist: async (document) => {
        written.push(document);
        return true;
      },
    };
  }

  test('a plan tells what would be, and changes nothing', async (t) => {
    const written: unknown[] = [];
    const lab = await Lab.start(t, { auth: { secret: 'SECRET' } }, keeper(written));
    const port = await freePort();
    const change = { rtmp: { port }, auth: { secret: 'SECRET2' }, store: { durability: 'fsync' } };
    const plan = await lab.configuration.plan(change);
    assert.deepEqual(plan, {
      changes: [
        { key: 'auth.secret', from: null, to: null, effect: 'new' },
        { key: 'store.durability', from: 'none', to: 'fsync', effect: 'restart' },
        { key: 'rtmp.port', from: 0, to: port, effect: 'listener' },
      ],
      listeners: [{ name: 'rtmp', from: `127.0.0.1:${lab.port('rtmp')}`, to: `127.0.0.1:${port}` }],
      droppedSessions: 0,
      restart: ['store.durability'],
      isApplied: false,
      isWritten: false,
    });
    assert.deepEqual([lab.server.context.config.auth.secret, written], ['SECRET', []]);
    assert.notEqual(lab.port('rtmp'), port);
    assert.equal(await lab.refusal('publish'), 'NetStream.Publish.Start');
  });

  test('what is applied is kept as the operator’s own values, and nothing else', async (t) => {
    const written: unknown[] = [];
    const lab = await Lab.start(t, { auth: { secret: 'SECRET' } }, keeper(written));
    const plan = await lab.configuration.apply({ play: { waitMs: 5 }, auth: { secret: null, play: true } }, 'somebody');
    assert.deepEqual([plan.isApplied, plan.isWritten], [true, true]);
    assert.deepEqual(written, [{ ...lab.config, auth: { secret: 'SECRET', play: true }, play: { waitMs: 5 } }]);
    await lab.configuration.apply(lab.configuration.describe(), 'somebody');
    assert.equal(written.length, 1);
    const line = lab.lines.find(({ message }) => message.startsWith('configuration: play.waitMs'));
    assert.equal(line?.message, 'configuration: play.waitMs is 5, was 10000');
    assert.equal(line?.fields['by'], 'somebody');
    assert.doesNotMatch(JSON.stringify(lab.lines), /SECRET/);
    assert.doesNotMatch(JSON.stringify(lab.configuration.describe()), /SECRET/);
  });

  test('what cannot be is refused with the key, and leaves all as it was', async (t) => {
    const written: unknown[] = [];
    const lab = await Lab.start(t, {}, keeper(written));
    const refused = async (change: object, path: string) => {
      await assert.rejects(lab.configuration.apply(change as never, 'x'), { code: 'NMS_CONFIG', path });
    };
    const before = JSON.stringify(lab.configuration.describe());
    await refused({ play: { waitMs: -5 } }, 'play.waitMs');
    await refused({ nothing: 1 }, 'nothing');
    await refused({ auth: { publish: true, secret: '' } }, 'auth.secret');
    await refused({ auth: { token: { keyFile: 'absent.pem' } } }, 'auth.token.keyFile');
    await refused({ http: { port: 5 } }, 'http.port');
    await refused([], '');
    assert.deepEqual([JSON.stringify(lab.configuration.describe()), written], [before, []]);
  });

  test('a change that cannot be kept is not put in force', async (t) => {
    const persist = async () => {
      throw new Error('the disk is full');
    };
    const lab = await Lab.start(t, {}, { persist });
    const port = await freePort();
    await assert.rejects(lab.configuration.apply({ rtmp: { port } }, 'x'), /the disk is full/);
    assert.notEqual(lab.port('rtmp'), port);
    assert.equal((await lab.peer('play', PATH, port)).error?.message.includes('ECONNREFUSED'), true);
  });

  test('a source that fails when it is told what comes into force undoes nothing, and is named in the log', async (t) => {
    const applied = () => {
      throw new Error('no screen to show it on');
    };
    const lab = await Lab.start(t, {}, { applied });
    const port = await freePort();
    const plan = await lab.configuration.apply({ rtmp: { port } }, 'x');
    assert.equal(plan.isApplied, true);
    assert.equal(lab.port('rtmp'), port);
    const failures = lab.lines.filter(({ level }) => level === 'error');
    assert.deepEqual(
      failures.map(({ fields }) => (fields['err'] as Error).message),
      ['no screen to show it on'],
    );
  });

  test('two changes at once follow one another', async (t) => {
    const lab = await Lab.start(t, {});
    const plans = await Promise.all([1, 2, 3].map((waitMs) => lab.configuration.apply({ play: { waitMs } }, 'x')));
    assert.deepEqual(
      plans.map(({ changes }) => [changes[0]?.from, changes[0]?.to]),
      [
        [10_000, 1],
        [1, 2],
        [2, 3],
      ],
    );
  });

  test('a server that does not run does not change', async () => {
    const server = new NodeMediaServer({ bind: '127.0.0.1', rtmp: { port: 0 } });
    await assert.rejects(server.configure({}), { code: 'NMS_CLOSED' });
    await server.run();
    await server.stop();
    await assert.rejects(server.configure({}), { code: 'NMS_CLOSED' });
  });
});
