import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';

const DEADLINE_MS = 30_000;

/** The server's page in a window of its own; policy violations and script errors fail the test at the end. */
export async function openPage(browser: Browser, port: number, hash = ''): Promise<{ page: Page } & AsyncDisposable> {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) faults.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${port}/${hash}`);
  return {
    page,
    [Symbol.asyncDispose]: async () => {
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
}

/** Asks until the answer is yes; the page's policy forbids the browser's own way of waiting for an expression. */
export async function eventually(ask: () => Promise<boolean>, what: () => Promise<string>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await ask())) if (performance.now() > deadline) throw new Error(await what());
}

/** Resolves when the page shows a picture that moves. */
export async function playsOn(page: Page): Promise<void> {
  const state =
    "({ time: document.getElementById('video').currentTime, isCovered: !document.getElementById('curtain').hidden })";
  const read = () => page.evaluate<{ time: number; isCovered: boolean }>(state);
  const plays = async () => {
    const { time, isCovered } = await read();
    return time > 0.5 && !isCovered;
  };
  await eventually(plays, async () => `not playing: ${JSON.stringify(await read())}`);
}

export async function hasText(page: Page, id: string, text: RegExp): Promise<void> {
  const read = async () => (await page.textContent(`#${id}`)) ?? '';
  await eventually(
    async () => text.test(await read()),
    async () => `#${id} says "${await read()}", not ${text.toString()}`,
  );
}
