import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type FfmpegPlayer, hearFile, makeSource, playWithFfmpeg, publishFile } from '../support/ffmpeg.ts';
import { type Heard, trackOf } from '../support/hashes.ts';
import { eventually, missing } from '../support/tools.ts';
import { type Lab, label, openLab } from '../support/tools-lab.ts';

const PATH = '/live/fragile';
const DEADLINE_MS = 40_000;
/** Frames after which the publisher is killed: in the middle of a group of pictures. */
const KILLED_AFTER_MS = 1400;
const transports = ['rtmp', 'rtmps', 'http-flv', 'https-flv'] as const;

describe('an ffmpeg publisher, killed with -9 and restarted within the grace', { skip: missing('ffmpeg') }, () => {
  let lab: Lab;
  let source: Heard;
  const players = new Map<string, FfmpegPlayer>();
  const results = new Map<string, PromiseSettledResult<Heard>>();
  const donePlays: string[] = [];
  let playersAtRestart = 0;

  before(async () => {
    lab = await openLab();
    const file = await makeSource(lab, { seconds: 3, bFrames: 2 });
    source = await hearFile(lab, file);
    lab.server.on('donePlay', ({ id }) => void donePlays.push(id));
    for (const transport of transports) players.set(transport, playWithFfmpeg(lab, lab.url(transport, PATH)));
    const playing = Promise.allSettled([...players.values()].map((player) => player.heard(DEADLINE_MS)));
    await lab.players(PATH, players.size);

    const killed = publishFile(lab, file, lab.url('rtmp', PATH));
    const broadcast = () => [...lab.context.broadcasts.values()].find(({ streamPath }) => streamPath === PATH);
    const newest = () => (broadcast()?.gop.lastDts ?? 0) / 1000;
    await eventually(() => newest() > KILLED_AFTER_MS, 'media');
    killed.kill('SIGKILL');
    await killed.over;
    await eventually(() => broadcast()?.status === 'reconnecting', 'the place is kept');
    playersAtRestart = [...players.values()].filter(({ program }) => !program.isOver).length;

    const restarted = publishFile(lab, file, lab.url('rtmp', PATH));
    await restarted.finish(DEADLINE_MS);
    for (const [index, result] of (await playing).entries()) results.set(transports[index]!, result);
  });
  after(() => lab[Symbol.asyncDispose]());

  test('disturbs no player: each session lasts from the first publisher to the end of the second', () => {
    assert.equal(playersAtRestart, transports.length);
    assert.equal(new Set(donePlays).size, transports.length);
    assert.equal(donePlays.length, transports.length);
  });

  for (const transport of transports) {
    const heardIn = (): Heard => {
      const result = results.get(transport)!;
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    };

    test(`loses nothing of either stream in ffmpeg over ${label(transport)}, and decodes without an error`, () => {
      const heard = heardIn();
      assert.equal(heard.complaints, '');
      for (const kind of ['video', 'audio'] as const) {
        const { hashes, framesDecoded } = trackOf(heard, kind);
        const whole = trackOf(source, kind).hashes;
        const before = hashes.length - whole.length;
        assert.ok(before > 0 && before < whole.length, `${before} ${kind} packets before the kill`);
        assert.deepEqual(hashes.slice(0, before), whole.slice(0, before));
        assert.deepEqual(hashes.slice(before), whole);
        assert.equal(framesDecoded, hashes.length, `${kind} frames decoded`);
      }
    });

    test(`keeps the timestamps in ffmpeg over ${label(transport)} rising`, async () => {
      heardIn();
      const packets = await players.get(transport)!.packets();
      for (const kind of ['video', 'audio'] as const) {
        const own = packets.filter((packet) => packet.kind === kind);
        const steps = own.slice(1).map(({ dts }, index) => dts - own[index]!.dts);
        assert.ok(
          steps.every((step) => step > 0 && step < 1000),
          `${kind} steps: ${steps.join(' ')}`,
        );
        if (kind === 'video') assert.ok(own.every(({ pts, dts }) => pts >= dts));
      }
    });
  }
});
