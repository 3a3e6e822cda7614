import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  assertWatched,
  missingChromium,
  openViewer,
  type Viewer,
  type Watched,
  watchToEnd,
} from '../support/chromium.ts';
import { FRAME_RATE, makeSource, playWithFfmpeg, publishFile, type SourceOptions } from '../support/ffmpeg.ts';
import { firstReason, missing } from '../support/tools.ts';
import { type Lab, label, openLab } from '../support/tools-lab.ts';
import { Ears, players, titleOf, type Verdict } from './players.ts';

const SECONDS = 3;
const DEADLINE_MS = 40_000;
const skip = missing('ffmpeg');
const browserTransports = ['http-flv', 'wss-flv'] as const;

interface Row {
  readonly name: string;
  readonly media?: Partial<SourceOptions>;
  /** Where the publisher's timestamps begin. */
  readonly startMs?: number;
}

/** What a stream may look like besides the usual. The second row passes 2^24 ms, where RTMP's timestamps get longer. */
const rows: readonly Row[] = [
  { name: 'a stream that starts at 20 000 s', startMs: 20_000_000 },
  { name: 'a stream that passes 2^24 ms', startMs: 2 ** 24 - 1500 },
  { name: 'a stream without B-frames', media: { bFrames: 0 } },
  { name: 'a stream without sound', media: { audio: false } },
  { name: 'a stream without pictures', media: { video: false } },
];

/** All rows of this file together may take so long. */
const FILE_MS = 600_000;

describe('streams of every shape with every player', { timeout: FILE_MS }, () => {
  let lab: Lab;
  let viewer: Viewer | null = null;
  before(async () => {
    lab = await openLab();
    if (firstReason(skip, missingChromium()) === false) viewer = await openViewer();
  });
  after(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  for (const [index, { name, media = {}, startMs = 0 }] of rows.entries()) {
    describe(`${name}, published by ffmpeg over RTMP`, { skip }, () => {
      const path = `/live/shape${index}`;
      const played = new Map<string, PromiseSettledResult<Verdict>>();
      let ears: Ears;
      let watched: PromiseSettledResult<readonly Watched[]> | null = null;
      let firstMs = 0;

      before(async () => {
        const file = await makeSource(lab, { seconds: SECONDS, bFrames: 2, ...media });
        ears = new Ears(lab, file);
        const present = players.filter((player) => player.skip === false);
        const urls = browserTransports.map((transport) => lab.url(transport, path));
        const browser = viewer === null ? null : Promise.allSettled([watchToEnd(viewer, urls, DEADLINE_MS)]);
        const playing = Promise.allSettled(
          present.map((player) => player.play(lab, lab.url(player.transport, path), DEADLINE_MS)),
        );
        const watch = playWithFfmpeg(lab, lab.url('rtmp', path));
        await lab.players(path, present.length + 1 + (browser === null ? 0 : urls.length));
        const offset = startMs === 0 ? [] : ['-output_ts_offset', `${startMs / 1000}`];
        await publishFile(lab, file, lab.url('rtmp', path), offset).finish(DEADLINE_MS);
        for (const [at, result] of (await playing).entries()) played.set(titleOf(present[at]!), result);
        watched = (await browser)?.[0] ?? null;
        await watch.heard(DEADLINE_MS);
        firstMs = Math.min(...(await watch.packets()).map(({ pts }) => pts));
      });

      test('keeps the publisher’s timestamps', () => {
        assert.ok(firstMs >= startMs && firstMs < startMs + 200, `${firstMs}`);
      });

      for (const player of players) {
        test(`plays in ${titleOf(player)}`, { skip: player.skip }, async () => {
          const result = played.get(titleOf(player))!;
          if (result.status === 'rejected') throw result.reason;
          await result.value(ears);
        });
      }

      for (const [at, transport] of browserTransports.entries()) {
        test(`plays in Chromium with mpegts.js over ${label(transport)}`, { skip: missingChromium() }, () => {
          if (watched?.status !== 'fulfilled') throw watched?.reason;
          assertWatched(watched.value[at]!, media.video === false ? 0 : SECONDS * FRAME_RATE);
        });
      }
    });
  }
});
