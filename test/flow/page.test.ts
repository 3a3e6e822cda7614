import assert from 'node:assert/strict';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { until } from '../support/wait.ts';
import { ask, HttpPublisherClient, publishStream, RawClient, startWeb } from '../support/web.ts';

describe('page', () => {
  test('the page, its script, its style and the player come from this server, under a strict policy', async () => {
    await using house = await startWeb();
    const page = await ask(house.port, '/');
    assert.equal(page.status, 200);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe/);
    const linked = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    const files = linked.filter((address) => !address.startsWith('data:'));
    assert.deepEqual(files.toSorted(), ['page/mpegts.js', 'page/page.css', 'page/page.js']);
    for (const [file, type] of [
      ['page/mpegts.js', 'text/javascript; charset=utf-8'],
      ['page/page.css', 'text/css; charset=utf-8'],
      ['page/page.js', 'text/javascript; charset=utf-8'],
    ] as const) {
      const reply = await ask(house.port, `/${file}`);
      assert.equal(reply.status, 200, file);
      assert.equal(reply.headers['content-type'], type);
      assert.doesNotMatch(reply.text.replace(/\/\/# sourceMappingURL.*/, '').slice(0, 200), /<html/);
    }
    assert.match((await ask(house.port, '/page/mpegts.js')).text, /mpegts/);
    const own =
      page.text + (await ask(house.port, '/page/page.js')).text + (await ask(house.port, '/page/page.css')).text;
    assert.doesNotMatch(own.replaceAll('http://www.w3.org/2000/svg', ''), /https?:\/\//);
  });

  test('a host name that could end the policy is not put into it', async () => {
    await using house = await startWeb();
    const client = await RawClient.open(house.port, 'GET / HTTP/1.1', "Host: a; script-src 'unsafe-inline'").answered();
    assert.doesNotMatch(client.header('content-security-policy') ?? '', /unsafe-inline/);
    client.socket.destroy();
  });

  test('streams.json lists what is live, with codecs and size, and nothing of anybody’s address', async () => {
    await using house = await startWeb();
    assert.deepEqual(JSON.parse((await ask(house.port, '/streams.json')).text).data, { streams: [] });
    const waiting = RawClient.open(house.port, 'GET /live/none.flv HTTP/1.1', 'Host: test');
    await publishStream(house, '/live/b');
    await publishStream(house, '/live/a');
    const reply = await ask(house.port, '/streams.json');
    const { streams } = JSON.parse(reply.text).data;
    assert.deepEqual(
      streams.map(({ path, status }: { path: string; status: string }) => [path, status]),
      [
        ['/live/a', 'publishing'],
        ['/live/b', 'publishing'],
      ],
    );
    assert.equal(streams[0].video.codec, 'avc');
    assert.equal(streams[0].audio.codec, 'aac');
    assert.doesNotMatch(reply.text, /127\.0\.0\.1/);
    waiting.socket.destroy();
  });

  test('a stream whose publisher dropped is listed as reconnecting', async () => {
    await using house = await startWeb();
    const publisher = await publishStream(house);
    publisher.request.destroy();
    await until(() => house.context.broadcasts.get('/live/a')?.status === 'reconnecting', 'the place is kept');
    const { streams } = JSON.parse((await ask(house.port, '/streams.json')).text).data;
    assert.equal(streams[0].status, 'reconnecting');
  });

  test('with signed addresses the list is 403 and says why', async () => {
    await using house = await startWeb({ auth: { play: true, secret: 's' } });
    const publisher = new HttpPublisherClient(house.port, '/live/secret-name.flv');
    publisher.write(Buffer.from('FLV'));
    const reply = await ask(house.port, '/streams.json');
    assert.equal(reply.status, 403);
    const body = JSON.parse(reply.text);
    assert.deepEqual([body.success, body.code], [false, 'NMS_DENIED']);
    assert.match(body.message, /signed address/);
    assert.doesNotMatch(reply.text, /secret-name/);
    publisher.request.destroy();
  });

  test('webadmin.enable: false serves neither page nor list', async () => {
    await using house = await startWeb({ webadmin: { enable: false } });
    for (const path of ['/', '/streams.json', '/page/page.js'])
      assert.equal((await ask(house.port, path)).status, 404, path);
  });

  test('static files are served below their router, with ranges, and never from outside the folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nms-static-'));
    await mkdir(join(folder, 'files'));
    await writeFile(join(folder, 'outside.txt'), 'outside');
    await writeFile(join(folder, 'files', 'a.flv'), 'FLV0123456');
    await writeFile(join(folder, 'files', '.hidden'), 'hidden');
    await using house = await startWeb({ static: { router: '/record', root: './files' } }, folder);
    assert.equal((await ask(house.port, '/record/a.flv')).text, 'FLV0123456');
    const part = await ask(house.port, '/record/a.flv', { headers: { Range: 'bytes=3-5' } });
    assert.deepEqual([part.status, part.text], [206, '012']);
    for (const path of [
      '/record/../outside.txt',
      '/record/%2e%2e/outside.txt',
      '/record/..%2foutside.txt',
      '/record/.hidden',
    ]) {
      const reply = await ask(house.port, path);
      assert.equal(
        reply.status === 404 || reply.status === 403 || reply.status === 400,
        true,
        `${path} ${reply.status}`,
      );
      assert.doesNotMatch(reply.text, /outside|hidden/);
    }
    assert.match((await ask(house.port, '/')).text, /<title>/);
  });
});
