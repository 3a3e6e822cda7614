import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { missing, whereIs } from './tools.ts';

const root = resolve(import.meta.dirname, '../..');
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--ignore-certificate-errors',
];
const FILES = new Map([
  ['/', { type: 'text/html', file: resolve(root, 'test/e2e/watch.html') }],
  ['/mpegts.js', { type: 'text/javascript', file: resolve(root, 'node_modules/mpegts.js/dist/mpegts.js') }],
]);

export const missingChromium = (): string | false => missing('chromium');

/** A browser without a window that plays without being clicked and asks nobody outside. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: whereIs('chromium') ?? '', args: FLAGS });
}

/** What a video element says of itself, and what its player complained about. */
export interface Watched {
  readonly url: string;
  readonly errors: readonly string[];
  readonly isEnded: boolean;
  /** Seconds. */
  readonly furthest: number;
  readonly duration: number | null;
  readonly totalVideoFrames: number;
  readonly droppedVideoFrames: number;
  readonly corruptedVideoFrames: number;
  readonly videoWidth: number;
  readonly videoHeight: number;
}

/** A page with a player per address. */
export interface WatchPage {
  readonly page: Page;
  report(): Promise<readonly Watched[]>;
}

/** A browser, and a server for the page in it: Chromium lets no page without an address reach this machine. */
export interface Viewer extends AsyncDisposable {
  watch(urls: readonly string[]): Promise<WatchPage>;
}

export async function openViewer(): Promise<Viewer> {
  const server = createServer((request, response) => {
    const found = FILES.get(new URL(request.url ?? '/', 'http://viewer').pathname);
    if (found === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': found.type });
    createReadStream(found.file).pipe(response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const browser = await openBrowser();
  return {
    watch: async (urls) => {
      const page = await browser.newPage();
      const query = new URLSearchParams(urls.map((url): [string, string] => ['url', url]));
      await page.goto(`http://127.0.0.1:${port}/?${query.toString()}`);
      return { page, report: () => page.evaluate<readonly Watched[]>('report()') };
    },
    [Symbol.asyncDispose]: async () => {
      await browser.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Watches streams, each in a player of its own, until all ended or something went wrong. */
export async function watchToEnd(
  viewer: Viewer,
  urls: readonly string[],
  deadlineMs: number,
): Promise<readonly Watched[]> {
  const { page, report } = await viewer.watch(urls);
  try {
    const isOver = 'report().every(({ isEnded, errors }) => isEnded || errors.length > 0)';
    await page
      .waitForFunction(isOver, undefined, { timeout: deadlineMs, polling: 100 })
      .catch(async (cause: unknown) => {
        throw new Error(`not ended within ${deadlineMs} ms: ${JSON.stringify(await report())}`, { cause });
      });
    return await report();
  } finally {
    await page.close();
  }
}

/**
 * mpegts.js keeps the last sample of a track back until it knows the next, and at the end of a WebSocket for good; Chromium
 * does not count what it decodes after the last picture that it drew.
 */
const UNCOUNTED_AT_THE_END = 2;
/** The share of pictures that is drawn on a busy machine; the others are decoded, and come too late for their time. */
const DRAWN_AT_LEAST = 0.75;

/**
 * It played the stream to its end, whole and without an error. A seek to the first frame, which mpegts.js does when a
 * stream does not start at 0, decodes a few frames twice.
 */
export function assertWatched(watched: Watched, frames: number): void {
  const { totalVideoFrames, duration, furthest } = watched;
  assert.deepEqual(watched.errors, []);
  assert.equal(watched.isEnded, true);
  assert.equal(watched.corruptedVideoFrames, 0);
  const drawn = totalVideoFrames - watched.droppedVideoFrames;
  assert.ok(drawn >= DRAWN_AT_LEAST * frames, `${drawn} of ${frames} frames were drawn`);
  assert.ok(totalVideoFrames >= frames - UNCOUNTED_AT_THE_END, `${totalVideoFrames} of ${frames} frames`);
  assert.ok(totalVideoFrames <= 1.5 * frames, `${totalVideoFrames} instead of ${frames} frames`);
  assert.ok(duration !== null && duration - furthest < 0.1, `stopped at ${furthest} of ${duration} s`);
}
