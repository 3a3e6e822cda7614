import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { FRAME_RATE, hearFile, makeSource } from '../support/ffmpeg.ts';
import { trackOf } from '../support/hashes.ts';
import { firstReason, missing, within } from '../support/tools.ts';
import { type Lab, openLab } from '../support/tools-lab.ts';
import { Ears, players, titleOf, type Verdict } from './players.ts';
import { nameOf, publishers } from './publishers.ts';

const SECONDS = 3;
/** How long players may take to notice the end of the stream, and to end. */
const END_MS = 10_000;
const DEADLINE_MS = 60_000;

const FRAMES = SECONDS * FRAME_RATE;
const withoutFfmpeg = missing('ffmpeg');

/** All rows of this file together may take so long. */
const FILE_MS = 600_000;

describe('every publisher of H.264 and AAC with every player', { timeout: FILE_MS }, () => {
  let lab: Lab;
  let source: string;

  before(async () => {
    lab = await openLab();
    if (withoutFfmpeg === false) source = await makeSource(lab, { seconds: SECONDS, bFrames: 2 });
  });
  after(() => lab[Symbol.asyncDispose]());

  test('the source decodes without an error', { skip: withoutFfmpeg }, async () => {
    const { hashes, framesDecoded } = trackOf(await hearFile(lab, source), 'video');
    assert.deepEqual([hashes.length, framesDecoded], [FRAMES, FRAMES]);
  });

  for (const [row, publisher] of publishers.entries()) {
    describe(`H.264 with B-frames and AAC, published by ${nameOf(publisher)}`, { skip: publisher.skip }, () => {
      const path = `/live/${row}`;
      let ears: Ears;
      const results = new Map<string, PromiseSettledResult<Verdict>>();

      before(async () => {
        if (firstReason(publisher.skip, withoutFfmpeg) !== false) return;
        ears = new Ears(lab, await publisher.asSent(lab, source));
        const present = players.filter((player) => player.skip === false);
        const playing = present.map((player) => player.play(lab, lab.url(player.transport, path), DEADLINE_MS));
        for (const player of playing) player.catch(() => undefined);
        await lab.players(path, present.length);
        await publisher.publish(lab, source, lab.url(publisher.transport, path));
        const ended = playing.map((player) => within(player, 'the end of a player after its publisher’s', END_MS));
        for (const [index, result] of (await Promise.allSettled(ended)).entries()) {
          results.set(titleOf(present[index]!), result);
        }
      });

      for (const player of players) {
        test(`plays in ${titleOf(player)}`, { skip: firstReason(player.skip, withoutFfmpeg) }, async () => {
          const result = results.get(titleOf(player))!;
          if (result.status === 'rejected') throw result.reason;
          await result.value(ears);
        });
      }
    });
  }
});
