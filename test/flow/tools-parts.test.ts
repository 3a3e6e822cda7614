import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError } from '../../src/errors.ts';
import { AVPacket, type PacketType, type Track } from '../../src/media/packet.ts';
import { fromMillis } from '../../src/media/time.ts';
import { PlayMeter } from '../../src/tools/play-meter.ts';
import { readableBytes, readableClock, readableRate, readableText } from '../../src/tools/readable.ts';
import { parseTarget, rtmpTargetOf } from '../../src/tools/target.ts';
import { terminalOutput } from '../../src/tools/terminal.ts';
import { trackWords } from '../../src/tools/track-meter.ts';
import { stampVideoBody } from '../../src/tools/wall-clock.ts';

const video: Track = { id: 0, kind: 'video', codec: 'vp9', config: null };
const avc: Track = { id: 0, kind: 'video', codec: 'avc', config: null };
const EMPTY = Buffer.alloc(0);

function frame(track: Track, ms: number, data: Buffer = EMPTY, type: PacketType = 'frame'): AVPacket {
  return new AVPacket(track, type, fromMillis(ms), fromMillis(ms), data, null);
}

describe('stream addresses', () => {
  test('are taken apart, with the ports that their protocols imply', () => {
    const rows: [string, Partial<ReturnType<typeof parseTarget>>][] = [
      ['rtmp://h/live/a', { host: 'h', port: 1935, address: 'h:1935', isSecure: false, path: '/live/a', query: '' }],
      ['rtmps://h/live/a', { port: 443, isSecure: true }],
      ['http://h:8000/live/a.flv?sign=1-2', { port: 8000, path: '/live/a.flv', query: '?sign=1-2' }],
      ['https://h/live/a.flv', { port: 443, isSecure: true }],
      ['ws://h/live/a.flv', { port: 80, isSecure: false }],
      ['wss://[::1]:8443/live/a.flv', { host: '::1', port: 8443, address: '[::1]:8443', isSecure: true }],
    ];
    for (const [url, expected] of rows) {
      const target = parseTarget(url);
      for (const [key, value] of Object.entries(expected)) {
        assert.equal(target[key as keyof typeof target], value, `${key} of ${url}`);
      }
    }
  });

  test('are shown without their secrets', () => {
    assert.equal(parseTarget('rtmp://user:secret@h:1935/live/a?sign=1-2').shown, 'rtmp://h:1935/live/a');
  });

  test('of RTMP name an app, of one part or more, and a stream with its query', () => {
    const of = (url: string) => rtmpTargetOf(parseTarget(url));
    assert.deepEqual(of('rtmp://h/live/a?x=1'), { app: 'live', name: 'a?x=1', tcUrl: 'rtmp://h:1935/live' });
    assert.deepEqual(of('rtmps://[::1]/a/b/c'), { app: 'a/b', name: 'c', tcUrl: 'rtmps://[::1]:443/a/b' });
    for (const url of ['rtmp://h', 'rtmp://h/', 'rtmp://h/live', 'rtmp://h/live/']) {
      assert.throws(() => of(url), ConfigError, url);
    }
  });

  test('of other protocols, and what is no address, are refused', () => {
    for (const url of ['', 'live/a', 'ftp://h/a', 'rtmp:///live/a', 'file:///a.flv']) {
      assert.throws(() => parseTarget(url), ConfigError, url);
    }
  });
});

describe('what a player is told', () => {
  const at = (clockMs: number) => ({ unixMs: 1_000_000 + clockMs, clockMs });

  test('a step of more than two frames is a gap, as many frames long as are missing', () => {
    const meter = new PlayMeter();
    for (const ms of [0, 40, 80, 120, 240, 280]) meter.add(frame(video, ms), at(ms));
    assert.equal(meter.takeState(1000), '0 kb/s  6.0 fps  late by up to 0 ms  1 gap (2 frames missing)');
    assert.equal(meter.summary(1000).at(-1), '1 gap (2 frames missing)');
  });

  test('jitter of timestamps is no gap, a step back is told', () => {
    const meter = new PlayMeter();
    for (const ms of [0, 33, 67, 100, 167, 150]) meter.add(frame(video, ms), at(ms));
    assert.equal(meter.summary(1000).at(-1), '1 step back in time');
  });

  test('frames without a stamp are measured against the promptest of them', () => {
    const meter = new PlayMeter();
    const arrivals = [10, 45, 140, 125];
    for (const [index, clockMs] of arrivals.entries()) meter.add(frame(video, index * 40), at(clockMs));
    // Offsets are 10, 5, 60 and 5.
    assert.equal(meter.takeState(1010), '0 kb/s  4.0 fps  late by up to 55 ms');
    assert.equal(meter.summary(1010)[1], 'frames came up to 55 ms later than the promptest');
  });

  test('stamped frames tell their latency, but for those from the server’s memory', () => {
    const meter = new PlayMeter();
    const body = Buffer.from('1701000000' + '0000000165', 'hex');
    const stamped = (unixMs: number) => stampVideoBody(body, unixMs).subarray(5);
    meter.add(frame(avc, 0, stamped(1_000_000), 'key'), at(500));
    meter.add(frame(avc, 40, stamped(1_000_540)), at(542));
    meter.add(frame(avc, 80, stamped(1_000_580)), at(586));
    meter.addBytes(125_000);
    assert.equal(meter.takeState(1500), '1.0 Mb/s  3.0 fps  latency 4 ms');
    assert.deepEqual(meter.summary(1500), [
      'received 1.0 s, 3 video frames (1 keyframe), 125 kB',
      'latency from publisher to here: 2 to 6 ms, median 6 ms',
      "began with 1 frame from the server's memory",
      'no gaps',
    ]);
  });

  test('a track is described once, and again when it changes', () => {
    const meter = new PlayMeter();
    assert.equal(meter.add(frame(video, 0), at(0)), 'video: VP9');
    assert.equal(meter.add(frame(video, 40), at(40)), null);
    assert.equal(meter.add(frame({ ...video }, 80), at(80)), null);
    assert.equal(meter.add(frame({ ...video, codec: 'vp8' }, 120), at(120)), 'video: VP8 (vp08.00.10.08)');
    assert.equal(meter.add(frame({ ...video, id: 1 }, 120), at(120)), 'video 1: VP9');
  });

  test('nothing came: the summary says so', () => {
    assert.deepEqual(new PlayMeter().summary(5), ['received 0.0 s, 0 B', 'no gaps']);
  });

  test('tracks are told in words', () => {
    const opus: Track = { id: 2, kind: 'audio', codec: 'opus', config: null };
    assert.equal(
      trackWords(opus, { codec: 'opus', sampleRate: 48000, channels: 6 }),
      'audio 2: Opus, 48000 Hz, 6 channels',
    );
    assert.equal(
      trackWords(avc, { codec: 'avc', profile: 'Main', level: '3.1', width: 8, height: 4, frameRate: 29.97002997 }),
      'video: H.264 Main 3.1, 8x4, 29.97 fps',
    );
  });
});

describe('words', () => {
  test('of rates, sizes and times are short', () => {
    assert.deepEqual([0, 612_400, 999_499, 1_000_000, 4_150_000].map(readableRate), [
      '0 kb/s',
      '612 kb/s',
      '999 kb/s',
      '1.0 Mb/s',
      '4.2 Mb/s',
    ]);
    assert.deepEqual([0, 999, 87_400, 9_100_000, 1_200_000_000].map(readableBytes), [
      '0 B',
      '999 B',
      '87 kB',
      '9.1 MB',
      '1.2 GB',
    ]);
    assert.deepEqual([0, 999, 83_000, 360_000_000].map(readableClock), [
      '00:00:00',
      '00:00:00',
      '00:01:23',
      '100:00:00',
    ]);
  });

  test('of strangers become one line without control characters', () => {
    assert.equal(readableText(' a\r\n\u001b[2Jb\u0000\u202ec\u2028d '), 'a [2Jb c d');
    assert.equal(readableText('x'.repeat(400)), `${'x'.repeat(299)}…`);
  });

  test('on a terminal replace the line before, elsewhere follow it', () => {
    const written: string[] = [];
    const write = (text: string) => written.push(text);
    const plain = terminalOutput({ write });
    plain.print('a');
    assert.equal(plain.status, undefined);
    const { print, status } = terminalOutput({ write, isTTY: true, columns: 6 });
    print('b');
    status?.('123456789');
    status?.('1234');
    print('c');
    print('d');
    assert.deepEqual(written, ['a\n', 'b\n', '\r\u001b[2K12345', '\r\u001b[2K1234', '\r\u001b[2Kc\n', 'd\n']);
  });
});
