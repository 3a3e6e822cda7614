import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { API_SECRET, startApi, users } from '../support/api.ts';
import { call, clientHandshake, SERVER_HANDSHAKE_BYTES, WireReader } from '../support/rtmp-wire.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { beginning, RawClient, startWeb, tag } from '../support/web.ts';

/** `limits.maxMessageStreams`: further ones are refused, in more words than it takes to ask. */
const MAX_STREAMS = 16;
const CALLS_PER_BLOCK = 500;
/** Far more than the system keeps of answers for a peer who does not read. */
const MAX_BLOCKS = 200;
/** Broken messages, and how many of them one turn of the event loop may have: what fits in one read of 64 KiB is twice that. */
const BROKEN = 100_000;
const MOST_IN_TURN = 16_384;
/** What our client writes audio on. */
const AUDIO_CHUNK_STREAM = 4;

describe('a peer that asks and does not read', () => {
  test('an RTMP client with a flood of createStream is not read until it has read its answers, and gets them all', async () => {
    await using running = await startServer();
    const socket = connect(running.port('rtmp'), '127.0.0.1');
    await once(socket, 'connect');
    socket.pause();
    socket.write(Buffer.concat([clientHandshake, call('connect', 1, [{ app: 'live' }])]));
    const block = Buffer.concat(Array.from({ length: CALLS_PER_BLOCK }, () => call('createStream', 2, [null])));
    await until(() => running.server.context.sessions.size === 1, 'its session');
    const [session] = running.server.context.sessions.values();
    let blocks = 0;
    for (; blocks < MAX_BLOCKS && session!.backlogBytes < 256 * 1024; blocks++) {
      const read = session!.inBytes;
      socket.write(block);
      await until(() => session!.inBytes > read, 'the server has read');
    }
    for (; blocks < MAX_BLOCKS; blocks++) socket.write(block);

    // Whatever was on its way is read by now: others were served meanwhile.
    await new RtmpPeer('publish', '/live/a', { port: running.port('rtmp') }).started();
    const readBefore = session!.inBytes;
    await new RtmpPeer('publish', '/live/b', { port: running.port('rtmp') }).started();
    assert.equal(session!.inBytes, readBefore);
    assert.ok(session!.backlogBytes < 1024 * 1024, `${session!.backlogBytes} bytes of answers wait`);

    const reader = new WireReader();
    let skip = SERVER_HANDSHAKE_BYTES;
    const answers = { results: 0, errors: 0 };
    socket.on('data', (chunk) => {
      const skipped = Math.min(skip, chunk.length);
      skip -= skipped;
      for (const { typeId, payload } of reader.read(chunk.subarray(skipped))) {
        if (typeId !== 20) continue;
        if (payload.includes('_error')) answers.errors++;
        else answers.results++;
      }
    });
    socket.resume();
    const asked = MAX_BLOCKS * CALLS_PER_BLOCK;
    await until(() => answers.errors === asked - MAX_STREAMS, 'an answer to every call');
    assert.equal(answers.results, 1 + MAX_STREAMS);
    socket.destroy();
  });
});

describe('a peer that sends much in little', () => {
  test('an RTMP publisher of a hundred thousand broken audio messages keeps nobody waiting: each turn has few of them', async () => {
    await using running = await startServer({ log: { level: 'debug' } });
    const publisher = await new RtmpPeer('publish', '/live/a', { port: running.port('rtmp') }).started();
    publisher.send('audio', 0, Buffer.of(0xaf));
    const count = () => running.lines.filter(({ message }) => message === 'a malformed message was dropped').length;
    await until(() => count() === 1, 'the first');
    // Two bytes each: format 3 on the chunk stream of that first one, and the one byte of an AAC body that is too short.
    publisher.socket.write(Buffer.alloc(2 * BROKEN, Buffer.of(0xc0 | AUDIO_CHUNK_STREAM, 0xaf)));
    let seen = 0;
    let mostInTurn = 0;
    await until(() => {
      const lines = running.lines.length;
      mostInTurn = Math.max(mostInTurn, lines - seen);
      seen = lines;
      return lines > BROKEN;
    }, 'all of them');
    await until(() => count() === 1 + BROKEN, 'each of them');
    assert.ok(mostInTurn < MOST_IN_TURN, `${mostInTurn} in one turn of the event loop`);
    publisher.socket.destroy();
  });
});

describe('a WebSocket publisher that sends much in one message', () => {
  const EMPTY_TAGS = 500_000;

  test('half a million empty tags keep nobody waiting: others have turns between them', async () => {
    await using house = await startWeb();
    const publisher = new WebSocket(`ws://127.0.0.1:${house.port}/live/a.flv`, 'publisher');
    publisher.on('open', () => publisher.send(beginning()));
    const broadcast = () => house.context.broadcasts.get('/live/a');
    await until(() => (broadcast()?.gop.size ?? 0) > 0, 'the stream');
    const before = broadcast()!.publisher!.inBytes;
    const empty = tag('audio', 0, Buffer.alloc(0));
    publisher.send(Buffer.concat([Buffer.alloc(EMPTY_TAGS * empty.length, empty), tag('video', 9000, bodies.key())]));
    const hasLast = () => broadcast()!.gop.firstDts > 0;
    await until(() => broadcast()!.publisher!.inBytes > before, 'the message');
    assert.equal(hasLast(), false, 'all of it in one turn of the event loop');
    await until(hasLast, 'its last tag');
    publisher.terminate();
  });

  for (const goodbye of ['close', 'terminate'] as const) {
    test(`and ends with ${goodbye} behind it: the message is published to its end`, async () => {
      await using house = await startWeb();
      const publisher = new WebSocket(`ws://127.0.0.1:${house.port}/live/a.flv`, 'publisher');
      publisher.on('open', () => publisher.send(beginning()));
      const broadcast = () => house.context.broadcasts.get('/live/a');
      await until(() => (broadcast()?.gop.size ?? 0) > 0, 'the stream');
      const player = RawClient.open(house.port, 'GET /live/a.flv HTTP/1.0', 'Host: test');
      await player.answered();
      const empty = tag('audio', 0, Buffer.alloc(0));
      const last = tag('video', 9000, bodies.key('the last frame'));
      publisher.send(Buffer.concat([Buffer.alloc(EMPTY_TAGS * empty.length, empty), last]), () => publisher[goodbye]());
      await until(() => player.received.includes('the last frame'), 'the last tag');
      player.socket.destroy();
    });
  }
});

describe('a body that does not end', () => {
  const config = { auth: { jwt: { secret: API_SECRET, users } }, https: { port: 0 } };
  const post = { ':method': 'POST', ':path': '/api/v1/login', 'content-type': 'application/json' };

  test('over HTTP/2 it is given up after commandTimeoutMs', async () => {
    await using house = await startApi({ ...config, limits: { commandTimeoutMs: 100 } });
    const session = connectHttp2(`https://127.0.0.1:${house.securePort}`, { rejectUnauthorized: false });
    const slow = session.request(post, { endStream: false });
    slow.on('error', () => {});
    slow.write('{');
    await until(() => slow.destroyed, 'its end');
    assert.equal(slow.rstCode, constants.NGHTTP2_CANCEL);
    session.destroy();
  });

  test('with commandTimeoutMs 0 it has all the time it needs', async () => {
    await using house = await startApi({ ...config, limits: { commandTimeoutMs: 0 } });
    const body = JSON.stringify({ username: 'admin', password: 'right' });
    const client = RawClient.open(
      house.port,
      'POST /api/v1/login HTTP/1.1',
      'Host: a',
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    );
    const other = RawClient.open(house.port, 'GET /api/v1/health HTTP/1.1', 'Host: a', 'Connection: close');
    await other.closed();
    client.socket.write(body);
    await client.closed();
    assert.match(client.received.toString(), /^HTTP\/1\.1 200 OK/);
  });
});
