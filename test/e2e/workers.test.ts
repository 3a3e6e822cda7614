import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeSource } from '../support/ffmpeg.ts';
import { firstReason, missing, within } from '../support/tools.ts';
import { type Lab, openLab } from '../support/tools-lab.ts';
import { Ears, players, titleOf, type Verdict } from './players.ts';
import { nameOf, type PublisherKind, publishers } from './publishers.ts';

const SECONDS = 3;
/** How long players may take to notice the end of the stream, and to end. */
const END_MS = 10_000;
const DEADLINE_MS = 60_000;
const withoutFfmpeg = missing('ffmpeg');

/** One publisher for each way into the server. */
const some = ['rtmp', 'https-flv', 'ws-flv'].flatMap(
  (transport) => publishers.find((publisher) => publisher.transport === transport) ?? [],
);

describe('two workers: every player, half of them in each', { timeout: 300_000 }, () => {
  let lab: Lab;
  let source: string;

  before(async () => {
    lab = await openLab({ workers: 2 });
    if (withoutFfmpeg === false) source = await makeSource(lab, { seconds: SECONDS, bFrames: 2 });
  });
  after(() => lab[Symbol.asyncDispose]());

  /** The workers that players of the stream were in. */
  const workersOf = (path: string) => {
    const started = lab.lines.filter(({ message, fields }) => message === 'play started' && fields['stream'] === path);
    const viewers = started.filter(({ fields }) => fields['protocol'] !== 'internal');
    return new Set(viewers.map(({ fields }) => fields['worker']));
  };

  for (const [row, publisher] of some.entries()) {
    describe(`published by ${nameOf(publisher)}`, { skip: publisher.skip }, () => {
      const path = `/live/${row}`;
      let ears: Ears;
      const results = new Map<string, PromiseSettledResult<Verdict>>();

      const publishAndPlay = async (kind: PublisherKind) => {
        ears = new Ears(lab, await kind.asSent(lab, source));
        const present = players.filter((player) => player.skip === false);
        const playing = present.map((player) => player.play(lab, lab.url(player.transport, path), DEADLINE_MS));
        for (const player of playing) player.catch(() => undefined);
        await lab.players(path, present.length);
        await kind.publish(lab, source, lab.url(kind.transport, path));
        const ended = playing.map((player) => within(player, 'the end of a player after its publisher’s', END_MS));
        for (const [index, result] of (await Promise.allSettled(ended)).entries()) {
          results.set(titleOf(present[index]!), result);
        }
      };
      before(async () => {
        if (firstReason(publisher.skip, withoutFfmpeg) === false) await publishAndPlay(publisher);
      });

      test('has players in both', { skip: withoutFfmpeg }, () => {
        assert.deepEqual(workersOf(path), new Set([1, 2]));
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
