import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { FlvDemuxer } from '../../src/protocols/flv/flv-demuxer.ts';
import { type FfmpegPlayer, hearFile, makeSource, playWithFfmpeg } from '../support/ffmpeg.ts';
import { missingFfmpeg8, playWithFfmpeg8 } from '../support/ffmpeg8.ts';
import { assertSame, type Heard, trackOf } from '../support/hashes.ts';
import { fromFirstKeyframe } from '../support/hashes-prelude.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { missing } from '../support/tools.ts';
import { type Lab, label, openLab } from '../support/tools-lab.ts';
import { hearFileWithFfmpeg8 } from './players.ts';

const SECONDS = 3;
const DEADLINE_MS = 30_000;
const WRAP = 2 ** 32;
const transports = ['rtmp', 'http-flv'] as const;
const skip = missing('ffmpeg');

interface Body {
  readonly kind: 'audio' | 'video' | 'data';
  readonly ms: number;
  readonly body: Buffer;
}

/** The bodies of an FLV file, for a publisher of our own. */
function bodiesOf(file: string): readonly Body[] {
  const demuxer = new FlvDemuxer();
  demuxer.push(readFileSync(file));
  const bodies: Body[] = [];
  for (let packets = demuxer.next(); packets !== null; packets = demuxer.next()) {
    for (const { track, dts, origin } of packets) bodies.push({ kind: track.kind, ms: dts / 1000, body: origin! });
  }
  return bodies;
}

/** Publishes bodies over one connection, and ends in the protocol's words. */
async function publishBodies(lab: Lab, path: string, bodies: Iterable<Body>): Promise<void> {
  const publisher = new RtmpPeer('publish', path, { port: Number(new URL(lab.url('rtmp', path)).port) });
  try {
    await publisher.started();
    assert.deepEqual(publisher.codes, ['NetStream.Publish.Start']);
    for (const { kind, ms, body } of bodies) publisher.send(kind, ms % WRAP, body);
    publisher.leave();
  } finally {
    publisher.socket.end();
  }
}

/** Every player waits, then the bodies are published; gives back what each heard, `ffmpeg …` and `FFmpeg 8 …`. */
async function playBodies(lab: Lab, path: string, bodies: Iterable<Body>) {
  const players = new Map<string, FfmpegPlayer>();
  const running: [string, Promise<Heard>][] = [];
  for (const transport of transports) {
    const player = playWithFfmpeg(lab, lab.url(transport, path));
    players.set(`ffmpeg 5.1 over ${label(transport)}`, player);
    running.push([`ffmpeg 5.1 over ${label(transport)}`, player.heard(DEADLINE_MS)]);
    if (missingFfmpeg8() !== false) continue;
    const heard = playWithFfmpeg8(lab, lab.url(transport, path)).heard(DEADLINE_MS);
    running.push([`FFmpeg 8 over ${label(transport)}`, heard]);
  }
  const results = Promise.allSettled(running.map(([, heard]) => heard));
  await lab.players(path, running.length);
  await publishBodies(lab, path, bodies);
  const settled = await results;
  const heard = new Map(running.map(([name], index) => [name, settled[index]!]));
  return { players, heard };
}

const programs = transports.flatMap((transport) => [
  { name: `ffmpeg 5.1 over ${label(transport)}`, skip, hear: hearFile },
  { name: `FFmpeg 8 over ${label(transport)}`, skip: missingFfmpeg8(), hear: hearFileWithFfmpeg8 },
]);

function valueOf(result: PromiseSettledResult<Heard> | undefined): Heard {
  if (result?.status !== 'fulfilled') throw result?.reason;
  return result.value;
}

/** All rows of this file together may take so long. */
const FILE_MS = 600_000;

describe('the edges of a stream', { timeout: FILE_MS }, () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab();
  });
  after(() => lab[Symbol.asyncDispose]());

  for (const [power, start] of [
    [31, 2 ** 31 - 1500],
    [32, WRAP - 1500],
  ] as const) {
    describe(`timestamps that pass 2^${power} ms`, { skip }, () => {
      let file: string;
      let played: Awaited<ReturnType<typeof playBodies>>;

      before(async () => {
        file = await makeSource(lab, { seconds: SECONDS, bFrames: 2 });
        const bodies = bodiesOf(file).map((body) => ({ ...body, ms: start + body.ms }));
        played = await playBodies(lab, `/live/wrap${power}`, bodies);
      });

      for (const program of programs) {
        test(`are played by ${program.name} without an error`, { skip: program.skip }, async () => {
          assertSame(valueOf(played.heard.get(program.name)), await program.hear(lab, file));
        });
      }

      for (const transport of transports) {
        test(`rise steadily in ffmpeg over ${label(transport)}`, async () => {
          const packets = await played.players.get(`ffmpeg 5.1 over ${label(transport)}`)!.packets();
          const own = packets.filter(({ kind }) => kind === 'video');
          const steps = own.slice(1).map(({ dts }, index) => dts - own[index]!.dts);
          assert.equal(steps.length, SECONDS * 25 - 1);
          assert.ok(
            steps.every((step) => step === 40),
            steps.join(' '),
          );
        });
      }
    });
  }

  describe('a change of the picture’s size in the middle of a stream', { skip }, () => {
    let small: string;
    let large: string;
    let played: Awaited<ReturnType<typeof playBodies>>;

    before(async () => {
      small = await makeSource(lab, { seconds: SECONDS, size: '320x180' });
      large = await makeSource(lab, { seconds: SECONDS, size: '640x360' });
      const later = bodiesOf(large).map((body) => ({ ...body, ms: SECONDS * 1000 + 40 + body.ms }));
      played = await playBodies(lab, '/live/size', [...bodiesOf(small), ...later]);
    });

    for (const program of programs) {
      test(`reaches ${program.name}, which decodes both without an error`, { skip: program.skip }, async () => {
        const parts = [fromFirstKeyframe(await program.hear(lab, small), small), await program.hear(lab, large)];
        const tracks = (['video', 'audio'] as const).map((kind) => ({
          kind,
          hashes: parts.flatMap((part) => trackOf(part, kind).hashes),
          framesDecoded: parts.reduce((sum, part) => sum + trackOf(part, kind).framesDecoded!, 0),
        }));
        assertSame(valueOf(played.heard.get(program.name)), { tracks, complaints: '' });
      });
    }
  });
});
