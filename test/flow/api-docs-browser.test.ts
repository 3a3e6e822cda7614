import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { startApi } from '../support/api.ts';
import { missingChromium, openBrowser } from '../support/chromium.ts';

const DEADLINE_MS = 30_000;
const skip = missingChromium();

describe('the page about the API, in Chromium', { skip }, () => {
  let browser: Browser;
  before(async () => {
    if (skip === false) browser = await openBrowser();
  });
  after(async () => browser?.close());

  test('shows every operation, asks nobody else, breaks no policy, and signs in', async () => {
    await using house = await startApi();
    const page = await browser.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    const faults: string[] = [];
    const asked = new Set<string>();
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    page.on('request', (request) => asked.add(new URL(request.url()).origin));
    const home = `http://127.0.0.1:${house.port}`;
    await page.goto(`${home}/api/docs`);
    await page.waitForSelector('.opblock-summary-path');
    const document = (await (await fetch(`${home}/api/v1/openapi.json`)).json()) as { readonly paths: object };
    const known = Object.values(document.paths).flatMap((methods) => Object.keys(methods as object)).length;
    assert.equal(await page.locator('.opblock').count(), known);

    await page.locator('#operations-Account-login .opblock-summary').click();
    await page.locator('#operations-Account-login .try-out__btn').click();
    const body = JSON.stringify({ username: 'admin', password: 'right' });
    await page.locator('#operations-Account-login textarea').fill(body);
    await page.locator('#operations-Account-login .execute').click();
    await page.waitForSelector('#operations-Account-login .live-responses-table');
    const answer = await page.locator('#operations-Account-login .live-responses-table').innerText();
    assert.match(answer, /"message": "Login successful"/);
    await page.close();
    assert.deepEqual(faults, []);
    assert.deepEqual(
      [...asked].filter((origin) => origin !== home && !origin.startsWith('null')),
      [],
    );
  });
});
