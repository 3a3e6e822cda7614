import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { signStream } from '../../src/index.ts';
import { runPublish } from '../../src/tools/publish.ts';
import { missingChromium, openBrowser } from '../support/chromium.ts';
import { hasText, openPage, playsOn } from '../support/page.ts';
import { HttpPublisherClient, startWeb, type WebHouse } from '../support/web.ts';

const skip = missingChromium();

let browser: Browser;

before(async () => {
  if (skip === false) browser = await openBrowser();
});
after(async () => browser?.close());

/** The clip that comes with the server, until `stop`. */
function publishClip(house: WebHouse, path: string): { stop(): Promise<number> } {
  const controller = new AbortController();
  const url = `http://127.0.0.1:${house.port}${path}.flv`;
  const code = runPublish(url, { signal: controller.signal, print: () => {}, status: () => {} });
  return {
    stop: () => {
      controller.abort();
      return code;
    },
  };
}

describe('page in a browser', { skip }, () => {
  test('without a stream it shows how to publish one; the stream then appears, is played by keyboard, ends, and returns', async () => {
    await using house = await startWeb();
    await using opened = await openPage(browser, house.port);
    const { page } = opened;
    await page.waitForSelector('#start:not([hidden])');
    const commands = await page.textContent('#start');
    assert.match(commands ?? '', new RegExp(`-method POST http://127.0.0.1:${house.port}/live/test.flv`));
    assert.match(commands ?? '', new RegExp(`npx nms publish http://127.0.0.1:${house.port}/live/test.flv`));

    const publisher = publishClip(house, '/live/ö');
    await page.focus('#streams button');
    await page.keyboard.press('Enter');
    await playsOn(page);
    assert.equal(await page.isVisible('#start'), false);
    await hasText(page, 'fact-video', /^H\.264 \(avc1\./);
    await hasText(page, 'fact-audio', /^AAC \(mp4a\.40\.2\)$/);
    await hasText(page, 'fact-picture', /^\d+ × \d+/);
    await hasText(page, 'fact-bitrate', /^[1-9][\d.]* [kM]bit\/s$/);
    await hasText(page, 'fact-latency', /^\d+\.\d s$/);
    assert.equal(await page.isVisible('#unmute'), true);
    await page.click('#unmute');
    await page.waitForSelector('#unmute', { state: 'hidden' });
    assert.equal(await page.evaluate("document.getElementById('video').muted"), false);
    assert.deepEqual([...house.context.sessions.values()].map((session) => session.protocol).toSorted(), [
      'http-flv',
      'ws-flv',
    ]);

    assert.equal(await publisher.stop(), 0);
    await hasText(page, 'curtain', /^The stream has ended/);
    const again = publishClip(house, '/live/ö');
    await playsOn(page);
    await page.click('#stop');
    await hasText(page, 'curtain', /^Choose a stream/);
    assert.equal(await again.stop(), 0);
  });

  test('an address in the hash is played; an absent stream is said to be absent and plays once it is there', async () => {
    await using house = await startWeb({ play: { waitMs: 0 } });
    await using opened = await openPage(browser, house.port, '#/live/a');
    const { page } = opened;
    await hasText(page, 'message', /^There is no such stream right now/);
    const publisher = publishClip(house, '/live/a');
    await playsOn(page);
    assert.equal(await page.isVisible('#message'), false);
    assert.equal(await publisher.stop(), 0);
  });

  test('with signed addresses it offers a field, and tells a missing signature from a wrong one', async () => {
    await using house = await startWeb({ auth: { play: true, secret: 's' } });
    await using opened = await openPage(browser, house.port);
    const { page } = opened;
    const publisher = publishClip(house, '/live/a');
    await page.waitForSelector('#signed:not([hidden])');
    const enter = async (address: string) => {
      await page.fill('#address', address);
      await page.press('#address', 'Enter');
    };
    await enter('nonsense');
    await hasText(page, 'message', /not a stream address/);
    await enter('/live/a');
    await hasText(page, 'message', /needs a signed address/);
    await enter('/live/a.flv?sign=1-00');
    await hasText(page, 'message', /signature is wrong/);
    const sign = signStream('play', '/live/a', Math.floor(Date.now() / 1000) + 60, 's');
    await enter(`http://127.0.0.1:${house.port}/live/a.flv?sign=${sign}`);
    await playsOn(page);
    assert.equal(await publisher.stop(), 0);
  });

  test('a codec that the browser cannot decode is named', async () => {
    await using house = await startWeb();
    await using opened = await openPage(browser, house.port);
    const { page } = opened;
    const publisher = new HttpPublisherClient(house.port, '/live/a.flv');
    publisher.write(await readFile(resolve(import.meta.dirname, '../vectors/ffmpeg-8-hevc-eac3.flv')));
    await page.click('#streams button');
    await hasText(page, 'message', /cannot decode H\.265 and E-AC-3/);
    publisher.request.destroy();
  });
});
