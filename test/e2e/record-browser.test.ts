import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { missingChromium, openViewer } from '../support/chromium.ts';
import { makeSource, publishFile } from '../support/ffmpeg.ts';
import { assertClosed } from '../support/recordings.ts';
import { eventually, firstReason, missing } from '../support/tools.ts';
import { openLab } from '../support/tools-lab.ts';

const SECONDS = 8;
const DEADLINE_MS = 30_000;
/** So slow that a player which wants what comes late has to ask for it. */
const PIECE_BYTES = 16 * 1024;
const PIECE_MS = 50;

/** Serves one file, slowly, from any byte on; keeps what was asked for. */
async function serveSlowly(bytes: Buffer) {
  const asked: number[] = [];
  const server = createServer((request, response) => {
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'range' };
    if (request.method === 'OPTIONS') {
      response.writeHead(204, headers).end();
      return;
    }
    asked.push(from);
    const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(206, { ...headers, 'Content-Length': bytes.length - from, 'Content-Range': range });
    let at = from;
    const timer = setInterval(() => {
      if (at >= bytes.length || response.destroyed) {
        clearInterval(timer);
        response.end();
        return;
      }
      response.write(bytes.subarray(at, at + PIECE_BYTES));
      at += PIECE_BYTES;
    }, PIECE_MS);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/film.flv`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const PLAY = (url: string) => `
  window.film = document.createElement('video');
  film.muted = true;
  document.body.append(film);
  window.filmErrors = [];
  window.filmPlayer = mpegts.createPlayer({ type: 'flv', isLive: false, url: ${JSON.stringify(url)} });
  filmPlayer.on(mpegts.Events.ERROR, (...what) => filmErrors.push(what.join(' ')));
  filmPlayer.attachMediaElement(film);
  filmPlayer.load();
  film.play().catch((error) => filmErrors.push(String(error)));
`;

test('mpegts.js in Chromium knows how long a recording is, and jumps by its index', {
  skip: firstReason(missing('ffmpeg'), missingChromium()),
}, async () => {
  await using lab = await openLab({ record: { auto: true } });
  const source = await makeSource(lab, { seconds: SECONDS, size: '640x360' });
  await publishFile(lab, source, lab.url('rtmp', '/live/film')).finish(DEADLINE_MS);
  const list = () => lab.context.recorder!.list({ sort: 'startTime', order: 'asc', offset: 0, limit: 1 }).items;
  await eventually(() => list()[0]?.status === 'done', 'the end');
  const bytes = readFileSync(lab.context.recorder!.locate(list()[0]!)!);
  const { keyframes } = assertClosed(bytes);
  await using film = await serveSlowly(bytes);
  await using viewer = await openViewer();
  const { page } = await viewer.watch([]);
  await page.evaluate(PLAY(film.url));
  await page.waitForFunction('film.currentTime > 0.2', undefined, { timeout: DEADLINE_MS });
  const duration = await page.evaluate<number>('film.duration');
  assert.ok(Math.abs(duration - SECONDS) < 0.2, `${duration} s`);

  await page.evaluate('film.currentTime = 6.5');
  await page.waitForFunction('film.currentTime > 6.6 && !film.seeking', undefined, { timeout: DEADLINE_MS });
  const [, jump, ...more] = film.asked;
  assert.deepEqual(more, []);
  assert.deepEqual(
    keyframes.find(([, position]) => position === jump)?.[0],
    6,
    `asked for byte ${jump} of ${JSON.stringify(keyframes)}`,
  );
  assert.ok(film.asked.length === 2);
  await page.waitForFunction('film.ended', undefined, { timeout: DEADLINE_MS });
  assert.deepEqual(await page.evaluate('filmErrors'), []);
});
