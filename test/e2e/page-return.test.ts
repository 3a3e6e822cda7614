import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingChromium, openBrowser } from '../support/chromium.ts';
import { makeSource, publishFile } from '../support/ffmpeg.ts';
import { eventually, hasText, openPage, playsOn } from '../support/page.ts';
import { eventually as eventuallyHere, firstReason, missing } from '../support/tools.ts';
import { openLab } from '../support/tools-lab.ts';

/** Longer than the picture after which the page begins anew by itself. */
const STEADY_S = 7;
const DEADLINE_MS = 30_000;

test('the page plays on when ffmpeg is killed and returns with MP3 instead of AAC', {
  skip: firstReason(missing('ffmpeg'), missingChromium()),
}, async () => {
  await using lab = await openLab();
  const withAac = await makeSource(lab, { seconds: 40 });
  const withMp3 = lab.file('mp3.flv');
  const recode = ['-nostdin', '-v', 'error', '-i', withAac, '-c:v', 'copy', '-c:a', 'libmp3lame', withMp3];
  await lab.programs.start('ffmpeg', recode).finish(DEADLINE_MS);

  const killed = publishFile(lab, withAac, lab.url('rtmp', '/live/a'));
  await using browser = await openBrowser();
  await using opened = await openPage(browser, Number(new URL(lab.url('http-flv', '/live/a')).port), '#/live/a');
  const { page } = opened;
  await playsOn(page);
  await hasText(page, 'fact-audio', /^AAC /);
  const seconds = () => page.evaluate<number>("document.getElementById('video').currentTime");
  const began = await seconds();
  await eventually(
    async () => (await seconds()) > began + STEADY_S,
    async () => `the picture stands at ${await seconds()}`,
  );
  killed.kill('SIGKILL');
  await killed.over;
  await eventuallyHere(() => lab.context.broadcasts.get('/live/a')?.status === 'reconnecting', 'the place is kept');
  publishFile(lab, withMp3, lab.url('rtmp', '/live/a'));
  await hasText(page, 'fact-audio', /^MP3 /);
  await playsOn(page);
  assert.equal(await page.isVisible('#message'), false);
});
