import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { ClosedError, signStream } from '../../src/index.ts';
import { bodies } from '../support/media.ts';
import { until } from '../support/wait.ts';
import {
  beginning,
  inter,
  publishStream,
  RawClient,
  readFlv,
  sound,
  startWeb,
  tag,
  type WebHouse,
} from '../support/web.ts';

/** A WebSocket client that keeps what comes. */
class Client {
  readonly webSocket: WebSocket;
  readonly messages: Buffer[] = [];
  status = 0;
  isOpen = false;
  code = 0;
  reason = '';
  pings = 0;

  constructor(house: WebHouse, path: string, protocols: string[] = [], options: WebSocket.ClientOptions = {}) {
    this.webSocket = new WebSocket(`ws://127.0.0.1:${house.port}${path}`, protocols, options);
    this.webSocket.on('open', () => {
      this.isOpen = true;
    });
    this.webSocket.on('message', (data: Buffer, isBinary) => {
      assert.equal(isBinary, true);
      this.messages.push(data);
    });
    this.webSocket.on('ping', () => this.pings++);
    this.webSocket.on('unexpected-response', (_request, answer) => {
      this.status = answer.statusCode ?? 0;
      answer.resume();
    });
    this.webSocket.on('close', (code, reason) => {
      this.code = code;
      this.reason = reason.toString();
    });
    this.webSocket.on('error', () => {});
  }

  get bytes(): Buffer {
    return Buffer.concat(this.messages);
  }

  async opened(): Promise<this> {
    await until(() => this.isOpen, 'the WebSocket');
    return this;
  }

  async closed(): Promise<number> {
    await until(() => this.code !== 0, 'the close');
    return this.code;
  }

  async refused(): Promise<number> {
    await until(() => this.status !== 0, 'the refusal');
    return this.status;
  }
}

const sessionOf = (house: WebHouse, isPublisher: boolean) =>
  [...house.context.sessions.values()].find((session) => session.isPublisher === isPublisher);

describe('WebSocket-FLV: play', () => {
  test('a live tag is one binary message, and all messages together are an FLV stream', async () => {
    await using house = await startWeb();
    const publisher = await publishStream(house, '/live/a', 500);
    const player = await new Client(house, '/live/a.flv').opened();
    await until(() => readsTags(player) === 4, 'the beginning');
    const before = player.messages.length;
    publisher.write(inter(540));
    await until(() => readsTags(player) === 5, 'a live tag');
    publisher.write(sound(545));
    await until(() => readsTags(player) === 6, 'another');
    assert.equal(player.messages.length, before + 2);
    assert.equal(player.messages[0]?.toString('hex'), '464c5601050000000900000000');
    assert.deepEqual(player.messages.at(-2), inter(540));
    assert.deepEqual(player.messages.at(-1), sound(545));
    assert.deepEqual(
      player.messages.slice(1).map((message) => message.readUInt32BE(message.length - 4) + 4 === message.length),
      player.messages.slice(1).map(() => true),
    );
    player.webSocket.terminate();
  });

  test('the suffix may be left out, apps may be deep, and the first subprotocol offered is echoed', async () => {
    await using house = await startWeb();
    await publishStream(house, '/a/b/c');
    const player = await new Client(house, '/a/b/c', ['flv', 'other']).opened();
    assert.equal(player.webSocket.protocol, 'flv');
    await until(() => readsTags(player) === 4, 'the beginning');
    player.webSocket.terminate();
  });

  test('the end of the stream closes with 1000, and the session is gone', async () => {
    await using house = await startWeb();
    const publisher = await publishStream(house);
    const player = await new Client(house, '/live/a').opened();
    await publisher.end();
    assert.equal(await player.closed(), 1000);
    assert.equal(player.reason, 'the stream ended');
    assert.equal(house.context.sessions.size, 0);
  });

  test('an absent stream is waited for after 101, then closed with 1013', async () => {
    await using house = await startWeb({ play: { waitMs: 60 } });
    const player = await new Client(house, '/live/a').opened();
    assert.equal(house.context.sessions.size, 1);
    assert.equal(await player.closed(), 1013);
    assert.equal(player.reason, '/live/a is not being published');
    assert.equal(house.context.sessions.size, 0);
    assert.equal(house.context.broadcasts.size, 0);
  });

  test('a player that comes first gets the stream as soon as it begins', async () => {
    await using house = await startWeb();
    const player = await new Client(house, '/live/a').opened();
    assert.equal(player.messages.length, 0);
    await publishStream(house);
    await until(() => readsTags(player) === 4, 'the beginning');
    player.webSocket.terminate();
  });

  test('leaving while waiting frees the session, by close and by reset', async () => {
    await using house = await startWeb({ play: { waitMs: -1 } });
    for (const how of ['close', 'terminate'] as const) {
      const player = await new Client(house, '/live/a').opened();
      player.webSocket[how]();
      await until(() => house.context.sessions.size === 0, `the session is freed after ${how}`, 1000);
    }
    assert.equal(house.context.broadcasts.size, 0);
  });

  test('leaving while a listener thinks frees the session and aborts its signal', async () => {
    await using house = await startWeb();
    const aborted: string[] = [];
    const thinking = new Promise<void>((resolve) => {
      house.server.on('prePlay', (session) => {
        session.signal.addEventListener('abort', () => aborted.push(session.id));
        return new Promise<void>(() => resolve());
      });
    });
    const client = RawClient.open(house.port, ...UPGRADE('/live/a'));
    await thinking;
    client.socket.end();
    await until(() => house.context.sessions.size === 0, 'the session is freed', 1000);
    assert.equal(aborted.length, 1);
    assert.equal(client.received.length, 0);
  });

  test('permission is answered before the upgrade: 401, 403, 101', async () => {
    await using house = await startWeb({ auth: { play: true, secret: 's' } });
    await publishStream(house);
    const soon = Math.floor(Date.now() / 1000) + 60;
    assert.equal(await new Client(house, '/live/a').refused(), 401);
    assert.equal(await new Client(house, '/live/a?sign=1-00').refused(), 403);
    const player = await new Client(house, `/live/a?sign=${signStream('play', '/live/a', soon, 's')}`).opened();
    player.webSocket.terminate();
  });

  test('bad names are 400, reserved ones 404, before any session', async () => {
    await using house = await startWeb();
    for (const path of ['/', '/live', '/live/..%2fa', '/live/%2e%2e', '/live/a%20b', '/live//a']) {
      assert.equal(await new Client(house, path).refused(), 400, path);
    }
    for (const path of ['/api/v1/streams', '/api/a', '/admin/a']) {
      assert.equal(await new Client(house, path).refused(), 404, path);
    }
    assert.equal(
      house.lines.find(({ message }) => message === 'session created'),
      undefined,
    );
  });

  test('a kicked player is closed with 1008, one of a stopping server with 1001', async () => {
    const house = await startWeb();
    await publishStream(house);
    const kicked = await new Client(house, '/live/a').opened();
    await until(() => sessionOf(house, false)?.role === 'player', 'the player');
    sessionOf(house, false)?.close(new ClosedError('closed by the operator'));
    assert.equal(await kicked.closed(), 1008);
    assert.equal(kicked.reason, 'closed by the operator');
    const playing = await new Client(house, '/live/a').opened();
    const waiting = await new Client(house, '/live/b').opened();
    await house.server.stop();
    assert.equal(await waiting.closed(), 1001);
    assert.equal(await playing.closed(), 1001);
  });

  test('a message above the limit is 1009, an unmasked frame 1002; neither harms the server', async () => {
    await using house = await startWeb({ limits: { maxWebSocketMessageBytes: 100 } });
    await publishStream(house);
    const player = await new Client(house, '/live/a').opened();
    player.webSocket.send(Buffer.alloc(101));
    assert.equal(await player.closed(), 1009);

    const raw = await RawClient.open(house.port, ...UPGRADE('/live/a')).answered();
    assert.equal(raw.status, 101);
    raw.socket.write(Buffer.from([0x82, 1, 0]));
    await until(() => raw.received.includes(Buffer.from([0x88, 2, 0x03, 0xea])), 'a close frame with 1002');
    raw.socket.destroy();
    await until(() => house.context.sessions.size === 1, 'both sessions are freed');
  });

  test('a malformed handshake is refused and leaves no session', async () => {
    await using house = await startWeb();
    const [request, ...rest] = UPGRADE('/live/a');
    const client = RawClient.open(
      house.port,
      request!,
      ...rest.filter((line) => !line.startsWith('Sec-WebSocket-Key')),
    );
    await client.answered();
    assert.equal(client.status, 400);
    await until(() => house.context.sessions.size === 0, 'the session is freed');
  });

  test('pings are answered; a peer that answers none is let go', async () => {
    await using house = await startWeb({ limits: { pingIntervalMs: 30 }, play: { waitMs: -1 } });
    const alive = await new Client(house, '/live/a').opened();
    const dead = await new Client(house, '/live/a', [], { autoPong: false }).opened();
    await until(() => alive.pings >= 4, 'pings');
    assert.notEqual(dead.code, 0);
    assert.equal(alive.code, 0);
    assert.equal(house.context.sessions.size, 1);
    assert.ok(house.lines.some(({ fields }) => fields['code'] === 'NMS_TIMEOUT'));
    alive.webSocket.terminate();
  });

  test('pongs and media share the socket without mixing', async () => {
    await using house = await startWeb();
    const publisher = await publishStream(house);
    const player = await new Client(house, '/live/a').opened();
    let pongs = 0;
    player.webSocket.on('pong', () => pongs++);
    await until(() => readsTags(player) === 4, 'the beginning');
    for (let i = 1; i <= 50; i++) {
      publisher.write(inter(40 * i));
      player.webSocket.ping(Buffer.alloc(2 * i));
    }
    await until(() => readsTags(player) === 54 && pongs === 50, 'all of both');
    assert.equal(readFlv(player.bytes).rest, 0);
    player.webSocket.terminate();
  });
});

describe('WebSocket-FLV: publish', () => {
  test('bytes cut anywhere are published and played over HTTP and WebSocket; 1000 ends the stream at once', async () => {
    for (const protocol of ['publisher', 'POST']) {
      await using house = await startWeb();
      const publisher = await new Client(house, '/live/a', [protocol, 'x']).opened();
      assert.equal(publisher.webSocket.protocol, protocol);
      const player = await new Client(house, '/live/a').opened();
      const bytes = Buffer.concat([beginning(), inter(40), sound(41)]);
      for (let at = 0; at < bytes.length; at += 7) publisher.webSocket.send(bytes.subarray(at, at + 7));
      await until(() => readsTags(player) === 6, 'the stream');
      assert.deepEqual(readFlv(player.bytes).tags.at(3)?.body, bodies.key('key 0'));
      const viewer = await RawClient.open(house.port, 'GET /live/a.flv HTTP/1.0').answered();
      await until(() => viewer.body.length > 13 && readFlv(viewer.body).tags.length === 6, 'the stream over HTTP');
      publisher.webSocket.close(1000);
      assert.equal(await player.closed(), 1000);
      await viewer.closed();
      assert.equal(house.context.broadcasts.size, 0);
      assert.ok(house.lines.some(({ fields }) => fields['code'] === 'NMS_END' && fields['role'] === 'publisher'));
    }
  });

  test('another close code is a dropped connection, which keeps its place', async () => {
    await using house = await startWeb();
    const publisher = await new Client(house, '/live/a', ['publisher']).opened();
    publisher.webSocket.send(beginning());
    await until(() => house.context.broadcasts.get('/live/a')?.gop.size === 1, 'the stream');
    publisher.webSocket.close(1001);
    await until(() => house.context.broadcasts.get('/live/a')?.status === 'reconnecting', 'the place is kept');
  });

  test('a text message is 1003, what is not FLV 1007, a tag above the limit 1009', async () => {
    await using house = await startWeb({ limits: { maxMessageBytes: 100_000 }, publish: { graceMs: 0 } });
    const send = async (message: string | Buffer) => {
      const client = await new Client(house, '/live/a', ['publisher']).opened();
      client.webSocket.send(message);
      return client.closed();
    };
    assert.equal(await send('hello'), 1003);
    assert.equal(await send(Buffer.from('not FLV at all')), 1007);
    assert.equal(await send(Buffer.concat([beginning(), Buffer.from([9, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0])])), 1009);
    assert.equal(await send(Buffer.alloc(100_000 + 64 * 1024 + 1)), 1009);
    assert.equal(house.context.sessions.size, 0);
  });

  test('a second publisher is refused with 409 before the upgrade; permission with 401', async () => {
    await using house = await startWeb();
    await publishStream(house);
    assert.equal(await new Client(house, '/live/a', ['publisher']).refused(), 409);
    await using guarded = await startWeb({ auth: { publish: true, secret: 's' } });
    assert.equal(await new Client(guarded, '/live/a', ['publisher']).refused(), 401);
    const player = await new Client(guarded, '/live/a').opened();
    player.webSocket.terminate();
  });

  test('bytes that come with the handshake are not lost', async () => {
    await using house = await startWeb();
    let admit = () => {};
    house.server.on(
      'prePublish',
      () =>
        new Promise<void>((resolve) => {
          admit = resolve;
        }),
    );
    const client = RawClient.open(house.port);
    client.socket.write(`${UPGRADE('/live/a', 'Sec-WebSocket-Protocol: publisher').join('\r\n')}\r\n\r\n`);
    await until(() => house.context.sessions.size === 1, 'the session');
    client.socket.write(masked(beginning()));
    await new Promise((resolve) => setImmediate(resolve));
    admit();
    await client.answered();
    await until(() => house.context.broadcasts.get('/live/a')?.gop.size === 1, 'the keyframe');
    client.socket.destroy();
  });

  test('maxBytesPerSecond makes a publisher wait, and everything arrives', async () => {
    await using house = await startWeb({ publish: { maxBytesPerSecond: 4000 } });
    const publisher = await new Client(house, '/live/a', ['publisher']).opened();
    const first = Buffer.concat([beginning(), tag('video', 0, bodies.key('k'.repeat(6000)))]);
    publisher.webSocket.send(first);
    await until(() => sessionOf(house, true)?.inBytes === first.length, 'the first message');
    publisher.webSocket.send(inter(40));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(sessionOf(house, true)?.inBytes, first.length);
    await until(() => sessionOf(house, true)?.inBytes === first.length + inter(40).length, 'the second, later');
    publisher.webSocket.terminate();
  });
});

function readsTags(player: Client): number {
  return player.messages.length === 0 ? 0 : readFlv(player.bytes).tags.length;
}

function UPGRADE(path: string, ...more: string[]): string[] {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: test',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ...more,
  ];
}

/** RFC 6455, 5.2: a binary frame as clients send it, masked with zeros. */
function masked(bytes: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head[0] = 0x82;
  head[1] = 0x80 | 126;
  head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}
