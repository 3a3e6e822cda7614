import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type FfmpegPlayer, makeSource, playWithFfmpeg, publishFile } from '../support/ffmpeg.ts';
import type { Program } from '../support/tools.ts';
import { eventually, missing } from '../support/tools.ts';
import { type Lab, label, openLab } from '../support/tools-lab.ts';

const PATH = '/live/stopped';
const DEADLINE_MS = 40_000;
const transports = ['rtmp', 'rtmps', 'http-flv', 'https-flv'] as const;

describe('ffmpeg when the server stops', { skip: missing('ffmpeg') }, () => {
  let lab: Lab;
  let publisher: Program;
  const players = new Map<string, FfmpegPlayer>();

  before(async () => {
    lab = await openLab();
    const file = await makeSource(lab, { seconds: 20 });
    for (const transport of transports) players.set(transport, playWithFfmpeg(lab, lab.url(transport, PATH)));
    await lab.players(PATH, players.size);
    publisher = publishFile(lab, file, lab.url('rtmp', PATH));
    const broadcast = () => [...lab.context.broadcasts.values()].find(({ streamPath }) => streamPath === PATH);
    await eventually(() => (broadcast()?.gop.lastDts ?? 0) > 1_500_000, 'media');
    await lab.server.stop();
  });
  after(() => lab[Symbol.asyncDispose]());

  test('says as a publisher what the server said', async () => {
    await publisher.over;
    assert.match(publisher.stderr, /Server error: the server is stopping/);
  });

  for (const transport of transports) {
    test(`ends in order as a player over ${label(transport)}, with media that it can decode`, async () => {
      const heard = await players.get(transport)!.heard(DEADLINE_MS);
      assert.deepEqual(
        heard.tracks.map(({ kind, framesDecoded }) => [kind, (framesDecoded ?? 0) > 20]),
        [
          ['video', true],
          ['audio', true],
        ],
      );
      assert.equal(heard.complaints, '');
    });
  }
});
