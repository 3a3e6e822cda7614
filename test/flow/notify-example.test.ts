import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { resolveConfig } from '../../src/core/config-schema.ts';
import { NodeMediaServer, type NodeMediaServerConfig } from '../../src/index.ts';
import { payloadSchema } from '../../src/servers/notify/payload.ts';
import { signCall } from '../../src/servers/notify/signature.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { temporaryFolder } from './cli-process.ts';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(resolve(root, 'docs/4-operate/webhooks.md'), 'utf8');
const example = resolve(root, 'examples/webhook-receiver.mjs');

/** The examples of the page in one language. */
function examples(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text!);
}

/** The program of the page, as its reader would run it, with the lines that it has printed. */
async function startExample(t: TestContext, secret: string) {
  const child = spawn(process.execPath, [example], {
    env: { ...process.env, SECRET: secret, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  t.after(() => {
    child.kill('SIGKILL');
    return ended;
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const lines = () => output.split('\n').slice(0, -1);
  await until(() => lines().length > 0 || child.exitCode !== null, 'its first line');
  const [, port] = /^listens on port (\d+)$/.exec(lines()[0] ?? '') ?? [];
  return { url: `http://127.0.0.1:${port}/`, lines };
}

describe('the page about webhooks', () => {
  test('shows the receiver as it is run', () => {
    assert.deepEqual(examples('js'), [readFileSync(example, 'utf8')]);
  });

  test('shows configurations that are valid, and a payload that fits its schema', () => {
    const parsed = examples('json').map((text) => JSON.parse(text) as Record<string, unknown>);
    const payloads = parsed.filter((object) => 'version' in object);
    const configs = parsed.filter((object) => 'notify' in object);
    assert.deepEqual([payloads.length, configs.length, parsed.length], [1, 3, 4]);
    for (const config of configs) resolveConfig(config, NodeMediaServer.sections);
    assert.deepEqual(payloadSchema.parse(payloads[0]), payloads[0]);
  });

  test('works: the receiver believes the server of the first configuration, refuses one stream and prints the rest', async (t) => {
    const config = JSON.parse(examples('json')[0] ?? '') as NodeMediaServerConfig;
    const [target] = config.notify?.targets ?? [];
    assert.ok(target?.secret);
    const receiver = await startExample(t, target.secret);
    const notify = { targets: [{ ...target, url: receiver.url }] };
    await using running = await startServer({ notify }, temporaryFolder(t));
    const port = running.port('rtmp');
    const refused = await new RtmpPeer('publish', '/live/secret', { port }).started();
    assert.ok(refused.has('failed'));
    assert.match(JSON.stringify(refused.events), /not here/);
    const publisher = await new RtmpPeer('publish', '/live/cam', { port }).started();
    assert.ok(publisher.has('publishing'));
    publisher.leave();
    await until(() => receiver.lines().some((line) => line.startsWith('donePublish /live/cam')), 'the end');
    assert.deepEqual(
      receiver
        .lines()
        .slice(1)
        .map((line) => line.split(' ').slice(0, 2).join(' ')),
      ['prePublish /live/secret', 'prePublish /live/cam', 'postPublish /live/cam', 'donePublish /live/cam'],
    );
  });

  test('works: the receiver takes nothing that is signed with another secret, is old, or is changed', async (t) => {
    const receiver = await startExample(t, 'right');
    const body = JSON.stringify({ id: 'e1', event: 'postPublish', session: { streamPath: '/live/cam' } });
    const now = Math.floor(Date.now() / 1000);
    const post = async (timestamp: number, signature: string, text = body) => {
      const headers = { 'X-NMS-Timestamp': String(timestamp), 'X-NMS-Signature': signature };
      return (await fetch(receiver.url, { method: 'POST', headers, body: text })).status;
    };
    assert.equal(await post(now, signCall('right', now, body)), 200);
    assert.equal(await post(now, signCall('wrong', now, body)), 401);
    assert.equal(await post(now, 'v1='), 401);
    assert.equal(await post(now, signCall('right', now, body), `${body} `), 401);
    assert.equal(await post(now + 1, signCall('right', now, body)), 401);
    assert.equal(await post(now - 301, signCall('right', now - 301, body)), 401);
    assert.deepEqual(receiver.lines().slice(1), ['postPublish /live/cam e1']);
  });
});
