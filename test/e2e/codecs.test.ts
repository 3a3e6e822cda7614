import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeSource8, missingFfmpeg8, playWithFfmpeg8 } from '../support/ffmpeg8.ts';
import { assertLate, type Heard, trackOf } from '../support/hashes.ts';
import { eventually } from '../support/tools.ts';
import { type Lab, label, openLab } from '../support/tools-lab.ts';
import { Ears, ffmpeg8Players, hearFileWithFfmpeg8, ownPlayers, titleOf, type Verdict } from './players.ts';
import { ffmpeg8Publishers, nameOf } from './publishers.ts';

const SECONDS = 4;
const FRAME_RATE = 25;
const GOP = 25;
const DEADLINE_MS = 40_000;
const skip = missingFfmpeg8();
const players = [...ffmpeg8Players, ...ownPlayers('FFmpeg 8')];
const lateTransports = ['rtmp', 'https-flv'] as const;
const overRtmp = ffmpeg8Publishers.find(({ transport }) => transport === 'rtmp')!;
const overHttp = ffmpeg8Publishers.find(({ transport }) => transport === 'http-flv')!;

/** Every codec of Enhanced RTMP that FFmpeg 8 has an encoder for; the last row goes in over HTTP-FLV. */
const rows = [
  { name: 'H.264 with B-frames and AAC', video: 'avc', audio: 'aac', bFrames: 2, publisher: overRtmp },
  { name: 'HEVC and AAC', video: 'hevc', audio: 'aac', publisher: overRtmp },
  { name: 'HEVC with B-frames and E-AC-3', video: 'hevc', audio: 'eac3', bFrames: 2, publisher: overRtmp },
  { name: 'AV1 and Opus', video: 'av1', audio: 'opus', publisher: overRtmp },
  { name: 'VP9 and FLAC', video: 'vp9', audio: 'flac', publisher: overRtmp },
  { name: 'H.264 and AC-3', video: 'avc', audio: 'ac3', publisher: overRtmp },
  { name: 'H.264 and MP3', video: 'avc', audio: 'mp3', publisher: overRtmp },
  { name: 'AV1 and FLAC', video: 'av1', audio: 'flac', publisher: overHttp },
];

/** All rows of this file together may take so long. */
const FILE_MS = 600_000;

describe('every codec of FFmpeg 8 with every transport', { timeout: FILE_MS }, () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab();
  });
  after(() => lab[Symbol.asyncDispose]());

  /** The publisher has begun another group of pictures: whoever comes now is late. */
  function isUnderWay(path: string): boolean {
    const broadcast = [...lab.context.broadcasts.values()].find(({ streamPath }) => streamPath === path);
    return (broadcast?.gop.firstDts ?? 0) > 900_000;
  }

  for (const [index, row] of rows.entries()) {
    describe(`${row.name}, published by ${nameOf(row.publisher)}`, { skip }, () => {
      const path = `/live/${index}`;
      const played = new Map<string, PromiseSettledResult<Verdict>>();
      const late = new Map<string, PromiseSettledResult<Heard>>();
      let ears: Ears;
      let source: Heard;

      before(async () => {
        const media = { videos: [row.video], audios: [row.audio], seconds: SECONDS, bFrames: row.bFrames ?? 0 };
        const file = await makeSource8(lab, media);
        ears = new Ears(lab, file);
        source = await hearFileWithFfmpeg8(lab, file);
        const early = Promise.allSettled(
          players.map((player) => player.play(lab, lab.url(player.transport, path), DEADLINE_MS)),
        );
        await lab.players(path, players.length);
        const published = row.publisher.publish(lab, file, lab.url(row.publisher.transport, path));
        await Promise.race([published, eventually(() => isUnderWay(path), 'a second group of pictures')]);
        const newcomers = Promise.allSettled(
          lateTransports.map((transport) => playWithFfmpeg8(lab, lab.url(transport, path)).heard(DEADLINE_MS)),
        );
        await published;
        for (const [at, result] of (await early).entries()) played.set(titleOf(players[at]!), result);
        for (const [at, result] of (await newcomers).entries()) late.set(lateTransports[at]!, result);
      });

      test('decodes at its source', () => {
        assert.equal(source.complaints, '');
        assert.equal(trackOf(source, 'video').framesDecoded, SECONDS * FRAME_RATE);
      });

      for (const player of players) {
        test(`plays in ${titleOf(player)}`, async () => {
          const result = played.get(titleOf(player))!;
          if (result.status === 'rejected') throw result.reason;
          await result.value(ears);
        });
      }

      for (const transport of lateTransports) {
        test(`plays from a keyframe on in FFmpeg 8 that comes late over ${label(transport)}`, () => {
          const result = late.get(transport)!;
          if (result.status === 'rejected') throw result.reason;
          assertLate(result.value, source, GOP);
        });
      }
    });
  }
});
