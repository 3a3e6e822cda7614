import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { coreSections } from '../../src/core/config.ts';
import { startServer } from '../support/server.ts';
import { missing } from '../support/tools.ts';
import { temporaryFolder } from './cli-process.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
/** What a stop may take beyond `drainTimeoutMs` when a part hangs, as the documentation says. */
const MARGIN_SECONDS = 13;
const drainSeconds = coreSections.drainTimeoutMs.parse(undefined) / 1000;

async function health(environment: Readonly<Record<string, string>>): Promise<number> {
  const env = { PATH: process.env['PATH'] ?? '', ...environment };
  const child = spawn(process.execPath, [join(root, 'service/health.mjs')], { env, stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

describe('the unit for systemd', () => {
  const unit = read('service/nms.service');

  test('gives a stop the time that it may take', () => {
    const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]);
    assert.ok(seconds > drainSeconds + MARGIN_SECONDS, `${seconds} s`);
  });

  test('is one that systemd understands', { skip: missing('systemd-analyze') }, (t) => {
    const folder = temporaryFolder(t);
    assert.ok(unit.includes('ExecStart=/usr/bin/node '));
    // Node may be elsewhere on this machine; systemd looks whether it is there.
    writeFileSync(join(folder, 'nms.service'), unit.replace('/usr/bin/node', process.execPath));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', join(folder, 'nms.service')], {
      encoding: 'utf8',
    });
    assert.deepEqual([status, stderr.includes('nms.service')], [0, false], stderr);
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '));
  const letThrough = [...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path]) => path!);

  test('copies what is there, and its context holds that and nothing else', () => {
    assert.ok(copied.length > 10, copied.join());
    for (const path of copied) assert.ok(existsSync(join(root, path)), path);
    assert.deepEqual([...new Set(copied)].sort(), letThrough.sort());
  });

  test('is built with an install that takes the lock file as it is', (t) => {
    const install = /^RUN npm (.+)$/m.exec(dockerfile)![1]!.split(' ');
    const folder = temporaryFolder(t);
    for (const file of ['package.json', 'package-lock.json', '.npmrc'])
      copyFileSync(join(root, file), join(folder, file));
    const cache = join(folder, 'no-cache');
    const args = [...install, '--dry-run', '--offline', `--cache=${cache}`];
    const { status, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });

  test('holds what the package is published with, but for its documentation', () => {
    const { files } = JSON.parse(read('package.json')) as { readonly files: readonly string[] };
    const [, stage = ''] = dockerfile.split('/build/node_modules');
    for (const path of files.filter((file) => !/^(docs|CHANGELOG)/.test(file)))
      assert.match(stage, new RegExp(`\\b${path}\\b`));
  });

  test('runs without rights, and stops by SIGTERM', () => {
    assert.match(dockerfile, /^USER node\n[^]*^STOPSIGNAL SIGTERM\n[^]*^ENTRYPOINT \["node", /m);
    assert.doesNotMatch(dockerfile.split(/^USER node$/m)[1]!, /^(RUN|USER|COPY)/m);
  });

  test('is healthy while the server answers, and only then', async (t) => {
    const running = await startServer({}, temporaryFolder(t));
    const port = String(running.port('http'));
    assert.equal(await health({ NMS_HTTP_PORT: port }), 0);
    assert.equal(await health({ HEALTH_URL: `http://127.0.0.1:${port}/health` }), 0);
    assert.equal(await health({ HEALTH_URL: `http://127.0.0.1:${port}/nothing` }), 1);
    await running.server.stop();
    assert.equal(await health({ NMS_HTTP_PORT: port }), 1);
  });

  test('is given the time that a stop may take by the example for Compose', () => {
    const page = read('docs/4-operate/containers.md');
    const [compose = '', prometheus = ''] = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, text]) => text!);
    const { services } = parse(compose) as { services: Record<string, { volumes?: string[]; ports?: string[] }> };
    assert.deepEqual([services['nms']?.volumes, services['nms']?.ports?.length], [['nms:/var/lib/nms'], 4]);
    assert.match(dockerfile, /^VOLUME \/var\/lib\/nms$/m);
    assert.deepEqual(parse(prometheus).scrape_configs[0].static_configs, [{ targets: ['nms:8000'] }]);
    const seconds = [...page.matchAll(/(?:--stop-timeout |stop_grace_period: )(\d+)/g)].map(([, found]) =>
      Number(found),
    );
    assert.equal(seconds.length, 2);
    for (const value of seconds) assert.ok(value > drainSeconds + MARGIN_SECONDS, `${value} s`);
  });
});
