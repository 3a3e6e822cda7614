import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';
import { temporaryFolder } from './cli-process.ts';

const root = resolve(import.meta.dirname, '../..');

/** The example as its reader would run it, with what it has printed so far. */
class Example {
  readonly #child: ChildProcess;
  readonly ended: Promise<unknown[]>;
  lines: string[] = [];
  stderr = '';

  constructor(t: TestContext, file: string) {
    this.#child = spawn(process.execPath, [resolve(root, file)], {
      cwd: temporaryFolder(t),
      env: { ...process.env, RTMP_PORT: '0', HTTP_PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      this.lines = stdout.split('\n').slice(0, -1);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = once(this.#child, 'close');
    t.after(() => {
      this.#child.kill('SIGKILL');
      return this.ended;
    });
  }

  /** Resolves with the first line that fits; throws with all that was printed when the example ends before. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const find = () => this.lines.map((line) => pattern.exec(line)).find((found) => found !== null);
    await until(() => find() !== undefined || this.#child.exitCode !== null, `a line ${pattern}`);
    const found = find();
    assert.ok(found, `no line ${pattern}\n${this.lines.join('\n')}\n${this.stderr}`);
    return found;
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }
}

test('the example of the README serves, tells who publishes, and ends by itself once it is stopped', async (t) => {
  assert.ok(existsSync(resolve(root, 'dist/index.js')), 'the example needs the built package: npm run build');
  const example = new Example(t, 'examples/embed.ts');
  const [, port] = await example.line(/^rtmp listens on .*:(\d+)$/);
  const peer = await new RtmpPeer('publish', '/live/example', { port: Number(port) }).started();
  assert.deepEqual(peer.codes, ['NetStream.Publish.Start']);
  peer.send('video', 0, bodies.avcConfig);
  peer.send('video', 0, bodies.key());
  await example.line(/^\/live\/example is live$/);
  peer.leave();
  await example.line(/^\/live\/example is over$/);
  example.interrupt();
  assert.deepEqual(await example.ended, [0, null], example.stderr);
  assert.match(example.lines[1] ?? '', /^http listens on 0\.0\.0\.0:\d+$/);
  assert.equal(example.lines.length, 4);
});

test('the example about permissions decides as its text says', async (t) => {
  const example = new Example(t, 'examples/permissions.ts');
  const [, rtmp] = await example.line(/^rtmp listens on .*:(\d+)$/);
  const port = Number(rtmp);
  const reason = ({ events }: RtmpPeer) =>
    events.flatMap((event) => (event.kind === 'failed' ? event.description : []));
  assert.deepEqual(reason(await new RtmpPeer('publish', '/live/guess', { port }).started()), ['this key is not known']);
  const publisher = await new RtmpPeer('publish', '/live/k-7041', { port }).started();
  publisher.send('video', 0, bodies.avcConfig);
  publisher.send('video', 0, bodies.key());
  assert.deepEqual(reason(await new RtmpPeer('play', '/live/alice', { port }).started()), ['members only']);
  const member = await new RtmpPeer('play', '/live/alice?member=yes', { port }).started();
  await until(() => member.packets.length > 0, 'the stream');
  publisher.leave();
  await example.line(/^\/live\/alice is over: the peer said /);
});
