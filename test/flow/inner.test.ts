import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  AbsentError,
  BusyError,
  ClosedError,
  ConnectionError,
  EndError,
  ListenError,
  SlowError,
} from '../../src/errors.ts';
import type { AVPacket } from '../../src/media/packet.ts';
import { innerFormat } from '../../src/protocols/inner/inner-format.ts';
import { encodeAccept, encodeHello, encodeRefuse, encodeRenew } from '../../src/protocols/inner/inner-frames.ts';
import { type InnerFrame, InnerReader } from '../../src/protocols/inner/inner-reader.ts';
import { InnerServer } from '../../src/servers/inner/index.ts';
import type { FakeSession } from '../support/house.ts';
import { type House, type PacketPlayer, Street } from '../support/inner-house.ts';
import { audio, frame, key, packet } from '../support/packets.ts';
import { MAX_UNKNOWN } from '../../src/servers/inner/inner-server.ts';
import { until } from '../support/wait.ts';

const configs = [packet('config', 'video', 0, 'vc'), packet('config', 'audio', 0, 'ac')];

function send(house: House, publisher: FakeSession, ...media: readonly AVPacket[]): void {
  for (const one of media) house.broadcast().broadcastMessage(publisher, one);
}

async function arrives(player: PacketPlayer, last: string): Promise<string> {
  await until(
    () => player.received.some(({ data }) => data.toString() === `<${last}>`),
    `${last} at a player in its house`,
  );
  return player.take();
}

/** Media times, which must rise for each kind. */
function assertRises(packets: readonly AVPacket[]): void {
  for (const kind of ['video', 'audio']) {
    const times = packets.filter(({ isMedia, track }) => isMedia && track.kind === kind).map(({ dts }) => dts);
    times.forEach((time, index) => assert.ok(index === 0 || time >= times[index - 1]!, times.join(' ')));
  }
}

const internals = (house: House) => [...house.context.sessions.values()].filter(({ internal }) => internal);

describe('a stream in another house', () => {
  test('is fetched with its group of pictures, and flows on, the same as at home', async () => {
    await using street = await Street.of(['a', 'b']);
    const [a, b] = street.houses as [House, House];
    const publisher = await a.publish();
    send(a, publisher, packet('metadata', 'data', 0, 'meta'), ...configs, key(0), frame(40), key(80), audio(90));
    const near = await a.play();
    const far = await b.play();
    assert.equal(await arrives(far, 'audio frame 90'), near.take());
    send(a, publisher, frame(120), audio(125), packet('config', 'audio', 125, 'ac2'), frame(160));
    assert.equal(await arrives(far, 'video frame 160'), near.take());
  });

  test('arrives with its times, tracks and messages', async () => {
    await using street = await Street.of(['a', 'b'], { config: { publish: { timestamps: 'zero' } } });
    const [a, b] = street.houses as [House, House];
    const publisher = await a.publish();
    send(a, publisher, ...configs, key(700_000), frame(700_040), key(700_080));
    const near = await a.play();
    const far = await b.play();
    send(a, publisher, frame(700_120));
    await until(() => far.received.length === 4, 'all packets');
    const shown = (player: PacketPlayer) =>
      player.received.map(({ dts, pts, type, track, data, origin }) => [
        dts / 1000,
        pts / 1000,
        type,
        track,
        data.toString(),
        origin?.toString(),
      ]);
    assert.deepEqual(shown(far), shown(near));
    assert.deepEqual(
      far.received.map(({ dts }) => dts / 1000),
      [80, 80, 80, 120],
    );
  });

  test('comes over one connection, whatever the number of players, also of those who ask at once', async () => {
    await using street = await Street.of(['a', 'b', 'c']);
    const [a, b, c] = street.houses as [House, House, House];
    const publisher = await a.publish();
    send(a, publisher, ...configs, key(0));
    const far = await Promise.all([
      b.play(),
      b.play(),
      b.play(),
      b.source.bring('/live/a').then(() => b.play()),
      c.play(),
      c.play(),
    ]);
    far.push(await b.play());
    for (const player of far) await arrives(player, 'video key 0');
    assert.equal(a.broadcast().playerCount, 2);
    assert.equal([...a.broadcast().feeds].length, 1);
    assert.deepEqual([internals(b).length, internals(c).length, b.broadcast().playerCount], [1, 1, 5]);
    send(a, publisher, frame(40));
    for (const player of far) assert.equal(await arrives(player, 'video frame 40'), '<video frame 40>');
  });

  test('is not seen by guards, listeners or the registry of its house', async () => {
    await using street = await Street.of(['a', 'b']);
    const [a, b] = street.houses as [House, House];
    for (const { context } of [a, b]) {
      context.guards.push((session) => {
        if (session.internal) throw new Error('asked for an internal session');
      });
    }
    const publisher = await a.publish();
    send(a, publisher, ...configs, key(0));
    const player = await b.play();
    await arrives(player, 'video key 0');
    publisher.close(new EndError('deleteStream'));
    await until(() => player.ends.length === 1, 'the end');
    player.close();
    assert.deepEqual(a.events, ['prePublish', 'postPublish', 'donePublish']);
    assert.deepEqual(b.events, ['prePlay', 'postPlay', 'donePlay']);
    assert.deepEqual(a.calls, ['claim /live/a', 'announce /live/a', 'release /live/a']);
    assert.deepEqual(b.calls, []);
  });

  test('ends here when its publisher ends it, with his reason, and nothing is left', async () => {
    await using street = await Street.of(['a', 'b']);
    const [a, b] = street.houses as [House, House];
    for (const reason of [new EndError('deleteStream'), new ClosedError('kicked')]) {
      const publisher = await a.publish();
      send(a, publisher, ...configs, key(0));
      const player = await b.play();
      await arrives(player, 'video key 0');
      publisher.close(reason);
      await until(() => player.ends.length === 1, 'the end');
      assert.deepEqual([player.ends[0]!.name, player.ends[0]!.message], [reason.name, reason.message]);
      player.close();
      await until(() => internals(a).length + internals(b).length === 0, 'no session');
      assert.deepEqual([a.context.broadcasts.size, b.context.broadcasts.size], [0, 0]);
    }
  });

  test('keeps its place during the grace of its publisher, who comes back; after it, it ends', async () => {
    await using street = await Street.of(['a', 'b'], { config: { publish: { graceMs: 300 } } });
    const [a, b] = street.houses as [House, House];
    const first = await a.publish();
    send(a, first, ...configs, key(0), frame(40));
    const player = await b.play();
    await arrives(player, 'video frame 40');
    first.close(new ConnectionError('reset'));
    const late = await b.play();
    assert.equal(await arrives(late, 'video frame 40'), '<ac><vc><video key 0><video frame 40>');
    const second = await a.publish();
    send(a, second, packet('config', 'video', 0, 'vc2'), key(0), frame(40));
    assert.equal(await arrives(player, 'video frame 40'), '<vc2><video key 0><video frame 40>');
    assert.deepEqual(
      b.broadcast().tracks.map(({ kind }) => kind),
      ['video'],
      'the sound of the one before is forgotten',
    );
    assert.equal((await b.play()).take(), '<vc2><video key 0><video frame 40>');
    assert.deepEqual([player.ends.length, player.returned, internals(b).length], [0, 0, 1]);
    second.close(new ConnectionError('reset'));
    await until(() => player.ends.length === 1, 'the end');
    assert.ok(player.ends[0] instanceof EndError, 'waiting for him was done where he was');
    assert.equal(b.broadcast().status, 'idle');
  });

  test('is dropped when nobody here has wanted it for a while, and fetched again for the next', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    await using street = await Street.of(['a', 'b'], { lingerMs: 0 });
    const [a, b] = street.houses as [House, House];
    const publisher = await a.publish();
    send(a, publisher, ...configs, key(0));
    const player = await b.play();
    await arrives(player, 'video key 0');
    t.mock.timers.tick(3000);
    assert.equal(b.broadcast().status, 'publishing');
    player.close();
    t.mock.timers.tick(1000);
    const second = await b.play();
    t.mock.timers.tick(3000);
    assert.equal(b.broadcast().status, 'publishing', 'somebody has come meanwhile');
    second.close();
    t.mock.timers.tick(2000);
    assert.equal(b.context.broadcasts.size, 0);
    await until(() => a.broadcast().playerCount === 0, 'the connection has ended');
    assert.equal(await arrives(await b.play(), 'video key 0'), '<ac><vc><video key 0>');
  });
});

describe('a player who waits', () => {
  test('gets a stream that appears elsewhere, and so does one that was left over from a stream', async () => {
    await using street = await Street.of(['a', 'b']);
    const [a, b] = street.houses as [House, House];
    const waiting = b.play();
    await until(() => b.context.broadcasts.get('/live/a') !== undefined, 'somebody waits');
    const first = await a.publish();
    send(a, first, ...configs, key(0));
    const player = await waiting;
    await arrives(player, 'video key 0');
    first.close(new EndError('deleteStream'));
    await until(() => player.ends.length === 1, 'the end');
    const second = await a.publish();
    send(a, second, ...configs, key(0));
    assert.equal(await arrives(player, 'video key 0'), '<ac><vc><video key 0>');
    assert.equal(player.returned, 1);
    second.close(new EndError('deleteStream'));
    await until(() => player.ends.length === 2, 'the second end');
    const third = await b.publish();
    send(b, third, ...configs, key(0));
    await arrives(player, 'video key 0');
    assertRises(player.received);
  });

  test('and may not wait, gets what is elsewhere, and is refused what is nowhere', async () => {
    await using street = await Street.of(['a', 'b'], { config: { play: { waitMs: 0 } } });
    const [a, b] = street.houses as [House, House];
    await assert.rejects(b.play(), AbsentError);
    const publisher = await a.publish();
    send(a, publisher, ...configs, key(0));
    await arrives(await b.play(), 'video key 0');
    street.announced.set('/live/gone', a);
    await assert.rejects(b.play('/live/gone'), AbsentError);
    assert.equal(await b.source.bring('/live/gone'), false);
    assert.equal(b.context.broadcasts.size, 1);
  });
});

describe('a publisher who comes back in another house', () => {
  test('and again in the first: the players in both go on, on one rising clock', async () => {
    await using street = await Street.of(['a', 'b', 'c'], { config: { publish: { takeover: true } } });
    const [a, b, c] = street.houses as [House, House, House];
    const players: PacketPlayer[] = [];
    const all: AVPacket[][] = [[], [], []];
    const settle = async (label: string) => {
      for (const [index, player] of players.entries()) {
        await until(() => player.received.some(({ data }) => data.toString() === `<${label}>`), `${label} ${index}`);
        all[index]!.push(...player.received.splice(0));
      }
    };
    const publishers: FakeSession[] = [];
    for (const [turn, house] of [a, b, a, c, b].entries()) {
      const publisher = await house.publish();
      publishers.push(publisher);
      send(house, publisher, ...configs, key(1000, `k${turn}`), frame(1040, `f${turn}`));
      if (turn === 0) for (const one of [a, b, c]) players.push(await one.play());
      await settle(`f${turn}`);
      send(house, publisher, audio(1050, `a${turn}`), frame(1080, `g${turn}`));
      await settle(`g${turn}`);
    }
    for (const packets of all) {
      assertRises(packets);
      const media = packets.filter(({ isMedia }) => isMedia).map(({ data }) => data.toString());
      assert.deepEqual(
        media,
        [0, 1, 2, 3, 4].flatMap((turn) => [`<k${turn}>`, `<f${turn}>`, `<a${turn}>`, `<g${turn}>`]),
      );
    }
    for (const player of players) assert.deepEqual([player.ends.length, player.returned], [0, 0]);
    assert.deepEqual(
      publishers.map(({ closeReason }) => /^replaced by 127.0.0.1:\d+$/.test(closeReason?.message ?? '')),
      [true, true, true, true, false],
    );
    const told = street.houses.flatMap(({ events }) => events).filter((event) => event.endsWith('Publish'));
    assert.equal(told.filter((event) => event === 'postPublish').length, 5);
    assert.equal(told.filter((event) => event === 'donePublish').length, 4);
    await until(() => street.houses.every((house) => internals(house).length <= 2), 'no connection is left over');
    assert.deepEqual([internals(a).length, internals(b).length, internals(c).length], [1, 2, 1]);
  });

  test('after a drop: the place is kept there and taken here; without players there it ends there, told once', async () => {
    await using street = await Street.of(['a', 'b']);
    const [a, b] = street.houses as [House, House];
    const first = await a.publish();
    send(a, first, ...configs, key(0));
    first.close(new ConnectionError('reset'));
    assert.equal(a.broadcast().status, 'reconnecting');
    const second = await b.publish();
    assert.equal(b.broadcast().publisher, second);
    await until(() => a.context.broadcasts.size === 0, 'the place has ended');
    assert.deepEqual(a.events, ['prePublish', 'postPublish', 'donePublish']);
    assert.deepEqual(a.calls, ['claim /live/a', 'announce /live/a']);
    assert.equal(street.announced.get('/live/a'), b);
  });

  test('is refused while the first flows, and taken when that has stalled', async () => {
    await using street = await Street.of(['a', 'b']);
    const [a, b] = street.houses as [House, House];
    const first = await a.publish();
    send(a, first, key(0));
    const player = await b.play();
    await arrives(player, 'video key 0');
    await assert.rejects(b.publish(), BusyError);
    assert.equal(b.events.includes('postPublish'), false);
    assert.deepEqual([first.isClosed, street.holders.get('/live/a')], [false, a]);
    send(a, first, frame(40));
    await arrives(player, 'video frame 40');

    await using stalled = await Street.of(['a', 'b'], { config: { publish: { stallMs: 0 } } });
    const old = await stalled.house('a').publish();
    const young = await stalled.house('b').publish();
    assert.deepEqual([old.isClosed, young.isClosed], [true, false]);
  });

  test('keeps its players also without a grace', async () => {
    await using street = await Street.of(['a', 'b', 'c'], { config: { publish: { takeover: true, graceMs: 0 } } });
    const [a, b, c] = street.houses as [House, House, House];
    const first = await a.publish();
    send(a, first, ...configs, key(0));
    const players = [await a.play(), await b.play(), await c.play()];
    for (const player of players) await arrives(player, 'video key 0');
    const second = await b.publish();
    send(b, second, ...configs, key(0, 'new'));
    for (const player of players) await arrives(player, 'new');
    assert.deepEqual(
      players.map(({ ends }) => ends.length),
      [0, 0, 0],
    );
  });

  test('who closes while the registry decides leaves no claim', async () => {
    await using street = await Street.of(['a', 'b']);
    const b = street.house('b');
    const publishing = b.publish();
    await until(() => b.calls.length === 1, 'the claim');
    for (const session of b.context.sessions.values()) session.close(new ConnectionError('gone'));
    await assert.rejects(publishing, ConnectionError);
    assert.deepEqual(b.calls, ['claim /live/a', 'release /live/a']);
    assert.deepEqual([street.holders.size, b.context.broadcasts.size], [0, 0]);
  });
});

describe('a house that is gone', () => {
  test('its stream is awaited here, and fetched from where it appears next', async () => {
    await using street = await Street.of(['a', 'b', 'c']);
    const [a, b, c] = street.houses as [House, House, House];
    const first = await a.publish();
    send(a, first, ...configs, key(0));
    const player = await b.play();
    await arrives(player, 'video key 0');
    await street.kill(a);
    await until(() => b.broadcast().status === 'reconnecting', 'the loss');
    const second = await c.publish();
    send(c, second, ...configs, key(0, 'again'));
    assert.equal(await arrives(player, 'again'), '<ac><vc><again>');
    assert.equal(player.ends.length, 0);
  });

  test('its stream ends at once where nobody plays it', async () => {
    await using street = await Street.of(['a', 'b']);
    const [a, b] = street.houses as [House, House];
    const publisher = await a.publish();
    send(a, publisher, ...configs, key(0));
    const player = await b.play();
    await arrives(player, 'video key 0');
    player.close();
    await street.kill(a);
    await until(() => b.context.broadcasts.size === 0, 'the end');
  });

  test('in the middle of a frame: what was whole has arrived, and it is asked for again', async () => {
    await using street = await Street.of(['b']);
    const b = street.house('b');
    let connections = 0;
    const muxer = innerFormat.createMuxer();
    const units = [...configs, key(0), frame(40)].map((one) => muxer.mux(one)!);
    const owner = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        connections++;
        const cut = connections === 1 ? units.length - 1 : units.length;
        socket.write(Buffer.concat([encodeAccept(), ...units.slice(0, cut)]));
        if (connections === 1) socket.end(units.at(-1)!.subarray(0, 20));
      });
    });
    const path = join(street.folder, 'owner');
    await new Promise<void>((resolve) => owner.listen(path, resolve));
    try {
      street.announced.set('/live/a', { ...b, name: 'owner', socketPath: path });
      const player = await b.play();
      assert.equal(
        await arrives(player, 'video frame 40'),
        '<ac><vc><video key 0><ac><vc><video key 0><video frame 40>',
      );
      assert.equal(connections, 2);
      assertRises(player.received);
      assert.equal(player.ends.length, 0);
    } finally {
      b.source.stop();
      owner.close();
    }
  });
});

/** A connection to a house that says what it likes; resolves with all that came until it was closed. */
function knock(
  path: string,
  ...bytes: readonly Buffer[]
): { readonly socket: Socket; readonly heard: Promise<InnerFrame[]> } {
  const socket = connect(path);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  for (const one of bytes) socket.write(one);
  const heard = new Promise<InnerFrame[]>((resolve) => {
    socket.on('close', () => {
      const reader = new InnerReader('puller');
      const frames: InnerFrame[] = [];
      reader.push(Buffer.concat(chunks));
      for (let one = reader.next(); one !== null; one = reader.next()) frames.push(one);
      resolve(frames);
    });
  });
  return { socket, heard };
}

describe('a caller at the inner door', () => {
  const hello = (path: string, token = 'secret') => encodeHello({ token, path });

  test('with a wrong token is refused and logged, whatever it asks for', async () => {
    await using street = await Street.of(['a']);
    const a = street.house('a');
    await a.publish();
    for (const token of ['', 'Secret', 'secret ', 'x'.repeat(1000)]) {
      assert.deepEqual(await knock(a.socketPath, hello('/live/a', token)).heard, [
        { type: 'refuse', code: 'NMS_DENIED', message: 'the token is wrong' },
      ]);
    }
    assert.equal(a.broadcast().playerCount, 0);
    assert.equal(a.lines.filter(({ message }) => message === 'an inner connection came with a wrong token').length, 4);
    assert.equal(JSON.stringify(a.lines).includes('Secret'), false);
  });

  test('is refused a stream that is not published here, also one that was fetched', async () => {
    await using street = await Street.of(['a', 'b']);
    const [a, b] = street.houses as [House, House];
    const publisher = await a.publish();
    send(a, publisher, ...configs, key(0));
    await arrives(await b.play(), 'video key 0');
    for (const path of ['/live/a', '/live/other']) {
      assert.deepEqual(await knock(b.socketPath, hello(path)).heard, [
        { type: 'refuse', code: 'NMS_ABSENT', message: `${path} is not published here` },
      ]);
    }
    assert.equal(b.context.broadcasts.size, 1);
  });

  test('that speaks another language, or says more than it should, is cut off', async () => {
    await using street = await Street.of(['a']);
    const a = street.house('a');
    const publisher = await a.publish();
    send(a, publisher, ...configs, key(0));
    const wrong = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      encodeRenew(),
      encodeAccept(),
      Buffer.alloc(100_000),
      hello('no path'),
      hello('/live/../a'),
      hello('/'),
      hello(''),
      hello(`/live/${'x'.repeat(500)}`),
    ];
    for (const bytes of wrong) {
      const frames = await knock(a.socketPath, bytes).heard;
      assert.deepEqual(
        frames.filter(({ type }) => type !== 'refuse'),
        [],
        bytes.toString(),
      );
    }
    const { heard } = knock(a.socketPath, Buffer.concat([hello('/live/a'), Buffer.from('more')]));
    await heard;
    assert.equal(a.broadcast().playerCount, 0);
    assert.equal(internals(a).length, 0);
    send(a, publisher, frame(40));
  });

  test('is told when the stream goes to another house, and when it ends', async () => {
    await using street = await Street.of(['a'], { config: { publish: { takeover: true } } });
    const a = street.house('a');
    const publisher = await a.publish();
    send(a, publisher, key(0));
    const moved = knock(a.socketPath, hello('/live/a'));
    await until(() => a.broadcast().playerCount === 1, 'it plays');
    await a.publish();
    a.broadcast().yieldPlace('another');
    assert.deepEqual(
      (await moved.heard).map(({ type }) => type),
      ['accept', 'packet', 'renew', 'move'],
    );
    assert.equal(a.broadcast().playerCount, 0);
    assert.deepEqual(
      (await knock(a.socketPath, hello('/live/a')).heard).map(({ type }) => type),
      ['refuse'],
    );
  });

  test('that says nothing is cut off in time', async () => {
    await using street = await Street.of(['a'], { config: { limits: { handshakeTimeoutMs: 20 } } });
    const a = street.house('a');
    assert.deepEqual(await knock(a.socketPath).heard, []);
    assert.deepEqual(await knock(a.socketPath, hello('/live/a').subarray(0, 10)).heard, []);
  });

  test('is one of at most 256 that have said nothing', async () => {
    await using street = await Street.of(['a']);
    const a = street.house('a');
    await a.publish();
    const silent = Array.from({ length: MAX_UNKNOWN }, () => knock(a.socketPath));
    await until(() => silent.every(({ socket }) => !socket.connecting), 'all are connected');
    await until(() => {
      knock(a.socketPath).socket.unref();
      return a.lines.some(({ message }) => /^256 inner connections/.test(message));
    }, 'the refusal of one more');
    for (const { socket } of silent) socket.destroy();
    await Promise.all(silent.map(({ heard }) => heard));
    await until(() => {
      knock(a.socketPath, hello('/live/a')).socket.unref();
      return a.broadcast().playerCount > 0;
    }, 'a place for another');
  });

  test('that never reads loses frames, then its connection; the others lose nothing', async () => {
    await using street = await Street.of(['a', 'b'], {
      config: { play: { maxBacklogBytes: 100_000, slowTimeoutMs: 20 } },
    });
    const [a, b] = street.houses as [House, House];
    const publisher = await a.publish();
    send(a, publisher, ...configs, key(0));
    const player = await b.play();
    await arrives(player, 'video key 0');
    const socket = connect(a.socketPath);
    socket.on('error', () => {});
    socket.pause();
    socket.write(hello('/live/a'));
    await until(() => a.broadcast().playerCount === 2, 'it plays');
    const [, deaf] = [...a.broadcast().players];
    let worst = 0;
    let sent = 0;
    while (deaf!.closeReason === null) {
      assert.ok(++sent < 5000, 'it is never closed');
      send(a, publisher, frame(40 * sent, `${sent} ${'x'.repeat(20_000)}`));
      await new Promise((resolve) => setImmediate(resolve));
      worst = Math.max(worst, deaf!.backlogBytes);
    }
    assert.ok(deaf!.closeReason instanceof SlowError, String(deaf!.closeReason));
    assert.ok(worst <= 150_000, `${worst} bytes waited`);
    send(a, publisher, frame(40 * sent + 40, 'last'));
    const text = await arrives(player, 'last');
    assert.equal(text.split('<').length - 2, sent);
    assert.equal(deaf!.droppedFrames > 0, true);
    socket.destroy();
  });
});

describe('an inner door', () => {
  test('that is taken is a ListenError; one that is shut lets its path free', async () => {
    await using street = await Street.of(['a']);
    const { context, socketPath, server } = street.house('a');
    const second = new InnerServer({ context, path: socketPath, token: 't' });
    await assert.rejects(second.run(), (error) => error instanceof ListenError && error.address === socketPath);
    await second.stop();
    await server.stop();
    await server.stop();
    const third = new InnerServer({ context, path: socketPath, token: 't' });
    await third.run();
    await third.stop();
  });
});

describe('a house that fetches', () => {
  async function ownerWho(
    street: Street,
    answer: (socket: Socket) => void,
  ): Promise<{ count: () => number; close: () => void }> {
    let count = 0;
    const owner = createServer((socket) => {
      count++;
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    });
    const socketPath = join(street.folder, 'owner');
    await new Promise<void>((resolve) => owner.listen(socketPath, resolve));
    street.announced.set('/live/a', { ...street.houses[0]!, name: 'owner', socketPath });
    return { count: () => count, close: () => owner.close() };
  }

  test('asks no second time after a refusal', async () => {
    await using street = await Street.of(['b'], { config: { play: { waitMs: 50 } } });
    const b = street.house('b');
    const owner = await ownerWho(street, (socket) => socket.end(encodeRefuse(new AbsentError('no'))));
    await assert.rejects(b.play(), AbsentError);
    assert.equal(owner.count(), 1);
    owner.close();
  });

  test('asks a second time when the stream appeared while it was being refused', async () => {
    await using street = await Street.of(['b'], { config: { play: { waitMs: 50 } } });
    const b = street.house('b');
    const held: Socket[] = [];
    const owner = await ownerWho(street, (socket) => {
      if (owner.count() === 1) held.push(socket);
      else socket.end(encodeRefuse(new AbsentError('no')));
    });
    const playing = b.play();
    await until(() => held.length === 1, 'it asks');
    b.source.appeared('/live/a');
    held[0]!.end(encodeRefuse(new AbsentError('no')));
    await assert.rejects(playing, AbsentError);
    assert.equal(owner.count(), 2);
    owner.close();
  });

  test('asks again, less and less often, after nonsense and silence, as long as somebody waits', async () => {
    await using street = await Street.of(['b'], {
      config: { play: { waitMs: 200 }, limits: { handshakeTimeoutMs: 20 } },
    });
    const b = street.house('b');
    const owner = await ownerWho(street, (socket) => {
      if (owner.count() % 2 === 0) socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n'));
    });
    await assert.rejects(b.play(), AbsentError);
    const count = owner.count();
    assert.ok(count >= 2 && count <= 6, `${count} times`);
    assert.equal(b.context.broadcasts.size, 0);
    b.source.stop();
    owner.close();
  });

  test('ends its own fetching when it stops', async () => {
    await using street = await Street.of(['b']);
    const b = street.house('b');
    const owner = await ownerWho(street, () => {});
    const waiting = b.play();
    await until(() => owner.count() === 1, 'it asks');
    b.source.stop();
    assert.equal(await b.source.bring('/live/a'), false);
    for (const session of b.context.sessions.values()) session.close();
    await assert.rejects(waiting);
    assert.equal(b.context.broadcasts.size, 0);
    owner.close();
  });

  test('follows the directory when it changes its mind meanwhile', async () => {
    await using street = await Street.of(['a', 'b']);
    const [a, b] = street.houses as [House, House];
    let isLeft = false;
    const owner = await ownerWho(street, (socket) => {
      socket.on('close', () => {
        isLeft = true;
      });
    });
    const waiting = b.play();
    await until(() => owner.count() === 1, 'it asks the one who says nothing');
    const publisher = await a.publish();
    send(a, publisher, ...configs, key(0));
    await arrives(await waiting, 'video key 0');
    assert.deepEqual([owner.count(), internals(b).length], [1, 1]);
    await until(() => isLeft, 'the one who says nothing is asked no longer', 5000);
    owner.close();
  });
});
