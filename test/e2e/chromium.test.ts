import { after, before, describe, test } from 'node:test';
import {
  assertWatched,
  missingChromium,
  openViewer,
  type Viewer,
  type Watched,
  watchToEnd,
} from '../support/chromium.ts';
import { FRAME_RATE, makeSource } from '../support/ffmpeg.ts';
import { makeSource8, missingFfmpeg8 } from '../support/ffmpeg8.ts';
import { firstReason, missing } from '../support/tools.ts';
import { type Lab, label, openLab } from '../support/tools-lab.ts';
import { ffmpeg8Publishers, nameOf, type PublisherKind, publishers } from './publishers.ts';

const SECONDS = 3;
const FRAMES = SECONDS * FRAME_RATE;
const DEADLINE_MS = 30_000;
/** Streams at once: two processor cores do not draw more pictures in time. */
const AT_ONCE = 2;
const transports = ['http-flv', 'https-flv', 'ws-flv', 'wss-flv'] as const;
const skip = firstReason(missingChromium(), missing('ffmpeg'));

/** What Chromium plays besides: it decodes no HEVC here, and mpegts.js 1.8 fails with AV1. */
const otherCodecs = [
  { name: 'H.264 and MP3', videos: ['avc'], audios: ['mp3'] },
  { name: 'H.264 and Opus', videos: ['avc'], audios: ['opus'] },
];

/** All rows of this file together may take so long. */
const FILE_MS = 600_000;

describe('every publisher of H.264 and AAC with Chromium', { timeout: FILE_MS }, () => {
  let lab: Lab;
  let viewer: Viewer;
  let source: string;

  before(async () => {
    lab = await openLab();
    if (skip !== false) return;
    viewer = await openViewer();
    source = await makeSource(lab, { seconds: SECONDS, bFrames: 2 });
  });
  after(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  /** Publishes to a page that waits, which plays it over each transport; gives back what each said, in their order. */
  async function show(publisher: PublisherKind, path: string, file: string): Promise<readonly Watched[]> {
    const urls = transports.map((transport) => lab.url(transport, path));
    const watching = watchToEnd(viewer, urls, DEADLINE_MS);
    watching.catch(() => undefined);
    await Promise.race([watching, lab.players(path, urls.length)]);
    await publisher.publish(lab, file, lab.url(publisher.transport, path));
    return watching;
  }

  const shown = new Map<PublisherKind, Promise<readonly Watched[]>>();

  /** Several rows share the time of one: the first that is asked for starts its neighbours. */
  function rowOf(publisher: PublisherKind): Promise<readonly Watched[]> {
    const present = publishers.filter((candidate) => candidate.skip === false);
    const first = Math.floor(present.indexOf(publisher) / AT_ONCE) * AT_ONCE;
    for (const [index, neighbour] of present.slice(first, first + AT_ONCE).entries()) {
      if (shown.has(neighbour)) continue;
      const watched = show(neighbour, `/live/${first + index}`, source);
      watched.catch(() => undefined);
      shown.set(neighbour, watched);
    }
    return shown.get(publisher)!;
  }

  for (const publisher of publishers) {
    const reason = firstReason(skip, publisher.skip);
    describe(`H.264 with B-frames and AAC, published by ${nameOf(publisher)}`, { skip: reason }, () => {
      for (const [column, transport] of transports.entries()) {
        test(`plays in Chromium with mpegts.js over ${label(transport)}`, { skip: reason }, async () => {
          const watched = await rowOf(publisher);
          assertWatched(watched[column]!, FRAMES);
        });
      }
    });
  }

  for (const [index, row] of otherCodecs.entries()) {
    const reason = firstReason(skip, missingFfmpeg8());
    describe(`${row.name}, published by FFmpeg 8 over RTMP`, { skip: reason }, () => {
      let watched: readonly Watched[] = [];
      before(async () => {
        const file = await makeSource8(lab, { ...row, seconds: SECONDS });
        watched = await show(ffmpeg8Publishers[0]!, `/live/codec${index}`, file);
      });

      for (const [column, transport] of transports.entries()) {
        test(`plays in Chromium with mpegts.js over ${label(transport)}`, () => {
          assertWatched(watched[column]!, FRAMES);
        });
      }
    });
  }
});
