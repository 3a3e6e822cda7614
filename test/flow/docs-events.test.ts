import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { DeniedError } from '../../src/index.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/5-embed/events.md'), 'utf8');

test('the program of the page about events asks before a publish, and tells of its end', async () => {
  const [, program] = /^```ts\n([\s\S]*?)^```/m.exec(page) ?? [];
  assert.ok(program !== undefined);
  await using running = await startServer();
  const printed: unknown[][] = [];
  runInNewContext(program, {
    server: running.server,
    DeniedError,
    Date,
    mayPublish: async (path: string, token: string | undefined) => path === '/live/a' && token === 'good',
    console: { log: (...words: unknown[]) => printed.push(words) },
  });
  const port = running.port('rtmp');
  const refused = await new RtmpPeer('publish', '/live/a?token=bad', { port }).started();
  const said = refused.events.find((event) => event.kind === 'failed');
  assert.equal(said?.kind === 'failed' && said.description, 'this token is not good for this stream');
  const publisher = await new RtmpPeer('publish', '/live/a?token=good', { port }).started();
  assert.deepEqual(publisher.codes, ['NetStream.Publish.Start']);
  publisher.leave();
  await until(() => printed.length === 1, 'the end');
  assert.equal(printed[0]![0], '/live/a');
  assert.ok(printed[0]![2] instanceof Date);
});
