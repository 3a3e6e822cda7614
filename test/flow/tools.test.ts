import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { runPlay } from '../../src/tools/play.ts';
import { runPublish } from '../../src/tools/publish.ts';
import type { ToolOptions } from '../../src/tools/tool-options.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

/** A tool that runs in this process; what it prints and shows is kept. */
class Run {
  readonly lines: string[] = [];
  readonly states: string[] = [];
  readonly code: Promise<number>;
  isOver = false;
  readonly #controller = new AbortController();

  constructor(tool: typeof runPlay, url: string, options: Partial<ToolOptions> = {}) {
    this.code = tool(url, {
      signal: this.#controller.signal,
      print: (line) => void this.lines.push(line),
      status: (line) => void this.states.push(line),
      ...options,
    }).finally(() => {
      this.isOver = true;
    });
  }

  stop(): Promise<number> {
    this.#controller.abort();
    return this.code;
  }
}

const doors = { rtmp: 'rtmp', rtmps: 'rtmps', http: 'http', ws: 'http', https: 'https', wss: 'https' } as const;
type Scheme = keyof typeof doors;

function urlOf(house: RunningServer, scheme: Scheme, name: string): string {
  const suffix = scheme.startsWith('rtmp') ? '' : '.flv';
  return `${scheme}://127.0.0.1:${house.port(doors[scheme])}/live/${name}${suffix}`;
}

function isLive(house: RunningServer, name: string): boolean {
  return house.server.context.broadcasts.get(`/live/${name}`)?.publisher != null;
}

/** Publishes in the background, and resolves once the stream is live. */
async function publish(house: RunningServer, scheme: Scheme, name: string): Promise<Run> {
  const run = new Run(runPublish, urlOf(house, scheme, name), { insecure: true });
  await until(() => (isLive(house, name) && run.lines.length > 0) || run.isOver, `${name} is live`);
  assert.deepEqual(run.lines, [`publishing the test clip to ${urlOf(house, scheme, name)}`]);
  return run;
}

describe('nms publish and nms play', () => {
  let house: RunningServer;

  before(async () => {
    house = await startServer({ rtmps: { port: 0 }, https: { port: 0 }, play: { waitMs: 0 } });
  });
  after(() => house[Symbol.asyncDispose]());

  const routes: readonly (readonly [Scheme, Scheme])[] = [
    ['rtmp', 'http'],
    ['rtmps', 'wss'],
    ['http', 'rtmp'],
    ['https', 'ws'],
    ['ws', 'rtmps'],
    ['wss', 'https'],
  ];
  for (const [from, to] of routes) {
    test(`what ${from} publishes ${to} plays, until the publisher stops`, async () => {
      const name = `${from}-${to}`;
      const publisher = await publish(house, from, name);
      const player = new Run(runPlay, urlOf(house, to, name), { insecure: true });
      await until(() => player.states.length > 0 || player.isOver, 'a second of play');
      assert.equal(await publisher.stop(), 0);
      assert.equal(await player.code, 0);
      assert.match(publisher.lines[1] ?? '', /^published \d+\.\d s, \d+ kB$/);
      assert.equal(publisher.lines.length, 2);
      assert.equal(isLive(house, name), false);
      assert.deepEqual(player.lines.slice(0, 2).toSorted(), [
        'audio: AAC LC, 48000 Hz, stereo (mp4a.40.2)',
        'video: H.264 High 3.0, 640x360, 25 fps (avc1.64001e)',
      ]);
      assert.match(player.states[0] ?? '', /^00:00:01 {2}\d.* fps {2}latency \d+ ms$/);
      assert.match(player.lines[2] ?? '', /^the stream ended/);
      assert.match(
        player.lines[3] ?? '',
        /^received \d+\.\d s, \d+ video frames \(\d keyframes?\), \d+ audio frames, \d+ kB$/,
      );
      assert.match(player.lines[4] ?? '', /^latency from publisher to here: \d+ to \d+ ms, median \d+ ms$/);
      assert.equal(player.lines.at(-1), 'no gaps');
    });
  }

  test('both end by themselves after the seconds they are given', async () => {
    const url = urlOf(house, 'rtmp', 'short');
    const publisher = new Run(runPublish, url, { seconds: 0.5 });
    await until(() => isLive(house, 'short') || publisher.isOver, 'the stream');
    const player = new Run(runPlay, url, { seconds: 0.05 });
    assert.equal(await player.code, 0);
    assert.match(player.lines[2] ?? '', /^received 0\.\d s/);
    assert.equal(await publisher.code, 0);
  });

  test('a publisher whose place is taken is refused in words', async () => {
    const first = await publish(house, 'rtmp', 'taken');
    const refusals = {
      rtmp: 'refused: NetStream.Publish.BadName /live/taken is being published already',
      http: 'refused: 409 Conflict: /live/taken is being published already',
      ws: 'refused: 409 Conflict: /live/taken is being published already',
    } as const;
    for (const [scheme, line] of Object.entries(refusals)) {
      const second = new Run(runPublish, urlOf(house, scheme as Scheme, 'taken'));
      assert.equal(await second.code, 1);
      assert.equal(second.lines.at(-1), line);
    }
    assert.equal(isLive(house, 'taken'), true);
    assert.equal(await first.stop(), 0);
  });

  test('a stream that is not there is told with the server’s words', async () => {
    const refusals = {
      rtmp: 'refused: NetStream.Play.StreamNotFound /live/absent is not being published',
      http: 'refused: 404 Not Found: /live/absent is not being published',
    } as const;
    for (const [scheme, line] of Object.entries(refusals)) {
      const player = new Run(runPlay, urlOf(house, scheme as Scheme, 'absent'));
      assert.equal(await player.code, 1);
      assert.deepEqual(player.lines, [line]);
    }
    const player = new Run(runPlay, urlOf(house, 'ws', 'absent'));
    assert.equal(await player.code, 1);
    assert.match(player.lines.join(), /^refused: .*\/live\/absent is not being published$/);
  });

  test('a certificate that nobody vouches for is refused without `insecure`', async () => {
    for (const scheme of ['rtmps', 'https', 'wss'] as const) {
      const { host } = new URL(urlOf(house, scheme, 'a'));
      for (const tool of [runPublish, runPlay]) {
        const run = new Run(tool, urlOf(house, scheme, 'a'));
        assert.equal(await run.code, 1);
        assert.deepEqual(run.lines, [
          `the certificate of ${host} is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT); --insecure accepts it`,
        ]);
      }
    }
  });

  test('a tool that was told to end before it began says so', async () => {
    for (const scheme of ['rtmp', 'http', 'ws'] as const) {
      for (const tool of [runPublish, runPlay]) {
        const run = new Run(tool, urlOf(house, scheme, 'never'), { signal: AbortSignal.abort() });
        assert.equal(await run.code, 1);
        assert.deepEqual(run.lines, ['interrupted']);
      }
    }
  });

  test('an address that is none is refused before anything is opened', async () => {
    const run = new Run(runPublish, 'rtmp://127.0.0.1:1/live');
    assert.equal(await run.code, 1);
    assert.deepEqual(run.lines, ['"rtmp://127.0.0.1:1/live" names no stream; rtmp://host/app/name is allowed']);
  });
});

test('a server that stops ends publishers and players with code 1 and 0', async () => {
  await using house = await startServer();
  const publishers = [];
  for (const scheme of ['rtmp', 'http', 'ws'] as const) publishers.push(await publish(house, scheme, `stop-${scheme}`));
  const players = (['rtmp', 'http', 'ws'] as const).map(
    (scheme) => new Run(runPlay, urlOf(house, scheme, 'stop-rtmp'), { insecure: true }),
  );
  await until(() => players.every((player) => player.lines.length >= 2 || player.isOver), 'three players');
  await house.server.stop();
  assert.deepEqual(await Promise.all(publishers.map((run) => run.code)), [1, 1, 1]);
  assert.deepEqual(await Promise.all(players.map((run) => run.code)), [0, 0, 0]);
  for (const run of publishers) assert.equal(run.lines.length, 3, run.lines.join('\n'));
});

/** A TCP server that treats each connection as `serve` says. */
async function startPeer(serve: (socket: Socket) => void): Promise<AsyncDisposable & { readonly address: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

describe('peers that are no media servers', () => {
  test('a port where nothing listens is named', async () => {
    const peer = await startPeer(() => {});
    await peer[Symbol.asyncDispose]();
    for (const scheme of ['rtmp', 'rtmps', 'http', 'https', 'ws', 'wss']) {
      for (const tool of [runPublish, runPlay]) {
        const run = new Run(tool, `${scheme}://${peer.address}/live/a`);
        assert.equal(await run.code, 1);
        assert.deepEqual(run.lines, [`nothing listens at ${peer.address}`]);
      }
    }
  });

  test('a port that speaks another protocol is told from one that refuses', async () => {
    await using peer = await startPeer((socket) =>
      socket.once('data', () => socket.write('220 mail.example ready\r\n')),
    );
    const expected = {
      rtmp: `${peer.address} answered in another language: version byte 50; 3 was expected`,
      rtmps: `${peer.address} does not speak TLS (ERR_SSL_WRONG_VERSION_NUMBER)`,
      http: `${peer.address} does not speak HTTP (HPE_INVALID_CONSTANT)`,
      ws: `${peer.address} does not speak HTTP (HPE_INVALID_CONSTANT)`,
    };
    for (const [scheme, line] of Object.entries(expected)) {
      const run = new Run(runPlay, `${scheme}://${peer.address}/live/a`);
      assert.equal(await run.code, 1);
      assert.deepEqual(run.lines, [line]);
    }
  });

  const answer = (text: string) => (socket: Socket) => void socket.once('data', () => socket.end(text));

  test('an HTTP answer that is no FLV, and one that is empty, are no stream', async () => {
    await using page = await startPeer(answer('HTTP/1.1 200 OK\r\n\r\n<html>'));
    const run = new Run(runPlay, `http://${page.address}/live/a.flv`);
    assert.equal(await run.code, 1);
    assert.deepEqual(run.lines, [
      `${page.address} answered in another language: byte 3c where "FLV" begins a file (FLV byte 0)`,
    ]);
    await using empty = await startPeer(answer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const other = new Run(runPlay, `http://${empty.address}/live/a.flv`);
    assert.equal(await other.code, 1);
    assert.deepEqual(other.lines, ['the stream ended before it began']);
  });

  test('a redirect is told, and control characters of a peer do not reach the terminal', async () => {
    await using peer = await startPeer(answer('HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n'));
    const run = new Run(runPlay, `http://${peer.address}/live/a.flv`);
    assert.equal(await run.code, 1);
    assert.deepEqual(run.lines, ['refused: 302 Found to /other']);
    const body = '{"message": "no \\u001b[31mred\\u0007\\n streams"}';
    await using rude = await startPeer(answer(`HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n${body}`));
    const refused = new Run(runPlay, `http://${rude.address}/live/a.flv`);
    assert.equal(await refused.code, 1);
    assert.deepEqual(refused.lines, ['refused: 403 Forbidden: no [31mred streams']);
  });

  test('a connection that breaks in the middle is told as such', async () => {
    await using peer = await startPeer((socket) => void socket.once('data', () => socket.resetAndDestroy()));
    for (const scheme of ['rtmp', 'http', 'ws']) {
      const run = new Run(runPublish, `${scheme}://${peer.address}/live/a`);
      assert.equal(await run.code, 1);
      assert.equal(run.lines.at(-1), `${peer.address} closed the connection (ECONNRESET)`);
    }
  });
});
