import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { adobeResponse } from '../../src/protocols/rtmp/adobe-auth.ts';
import type { NodeMediaServer, NodeMediaServerConfig } from '../../src/index.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { ask } from '../support/web.ts';

const root = resolve(import.meta.dirname, '../..');
const page = (name: string) => readFileSync(join(root, 'docs/4-operate', `${name}.md`), 'utf8');

function blockOf(name: string, language: 'json' | 'ts'): string {
  const [, block] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(page(name)) ?? [];
  assert.ok(block !== undefined, `${name} has no ${language}`);
  return block;
}

/** The page's configuration, as it stands there. */
function configOf(name: string): NodeMediaServerConfig {
  return JSON.parse(`{${blockOf(name, 'json')}}`) as NodeMediaServerConfig;
}

/** The page's program, with the library from its sources. */
async function programOf<Exports>(t: TestContext, name: string): Promise<Exports> {
  const folder = mkdtempSync(join(tmpdir(), 'docs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'page.ts');
  const source = blockOf(name, 'ts')
    .replace("'node-media-server-ts'", JSON.stringify(pathToFileURL(join(root, 'src/index.ts')).href))
    .replace("'jose'", JSON.stringify(import.meta.resolve('jose')));
  writeFileSync(file, source);
  return (await import(pathToFileURL(file).href)) as Exports;
}

async function publish(port: number, path: string): Promise<string[]> {
  const peer = await new RtmpPeer('publish', path, { port }).started();
  peer.socket.destroy();
  await until(() => peer.isClosed, 'the end of the connection');
  return peer.codes;
}

describe('the pages about credentials', () => {
  test('signed addresses: the configuration asks for what the program makes', async (t) => {
    const config = configOf('signed-addresses');
    const { addressToWatch } = await programOf<{ addressToWatch(name: string, secret: string): string }>(
      t,
      'signed-addresses',
    );
    await using running = await startServer({ ...config, play: { waitMs: 0 } });
    const watch = async (secret: string) => {
      const { pathname, search } = new URL(addressToWatch('test', secret));
      return (await ask(running.port('http'), pathname + search)).status;
    };
    assert.deepEqual([await watch(config.auth!.secret!), await watch('another')], [404, 403]);
  });

  test('stream keys: the configuration maps its keys, and one that the program makes', async (t) => {
    const config = configOf('stream-keys');
    const { makeStreamKey } = await programOf<{ makeStreamKey(): { key: string; hash: string } }>(t, 'stream-keys');
    const { key, hash } = makeStreamKey();
    const auth = { ...config.auth, streamKeys: { ...config.auth!.streamKeys, [hash]: '/live/carol' } };
    await using running = await startServer({ auth });
    const paths: string[] = [];
    running.server.on('postPublish', ({ streamPath }) => void paths.push(streamPath));
    const start = ['NetStream.Publish.Start'];
    assert.deepEqual(await publish(running.port('rtmp'), `/live/${key}`), start);
    assert.deepEqual(await publish(running.port('rtmp'), '/live/s3cret-of-alice'), start);
    assert.deepEqual(await publish(running.port('rtmp'), '/studio/camera-1?key=s3cret-of-the-studio'), start);
    assert.deepEqual(await publish(running.port('rtmp'), '/live/nonsense'), ['NetStream.Publish.BadName']);
    assert.deepEqual(paths, ['/live/carol', '/live/alice', '/studio/camera-1']);
  });

  test('tokens: the configuration takes what the program makes', async (t) => {
    const config = configOf('tokens');
    const { tokenToWatch } = await programOf<{ tokenToWatch(user: string, secret: string): Promise<string> }>(
      t,
      'tokens',
    );
    await using running = await startServer({ ...config, play: { waitMs: 0 } });
    const users: string[] = [];
    running.server.on('prePlay', ({ user }) => void users.push(user));
    const watch = async (secret: string, path = '/live/a.flv') => {
      const headers = { Authorization: `Bearer ${await tokenToWatch('alice', secret)}` };
      return (await ask(running.port('http'), path, { headers })).status;
    };
    const { secret } = config.auth!.token!;
    assert.deepEqual(
      [await watch(secret!), await watch(secret!, '/studio/a.flv'), await watch('x'.repeat(32))],
      [404, 403, 403],
    );
    assert.deepEqual(users, ['alice']);
  });

  test('user and password: the configuration starts, and the program tells who is on air', async (t) => {
    await using running = await startServer(configOf('passwords'));
    assert.ok(running.port('rtmp') > 0);
    type Open = (port: number, tell: (line: string) => void) => NodeMediaServer;
    const { openStudio } = await programOf<{ openStudio: Open }>(t, 'passwords');
    const said: string[] = [];
    const server = openStudio(0, (line) => void said.push(line));
    t.after(() => server.stop());
    await server.run();
    const { port } = server.listeners[0]!;
    const named = '?authmod=adobe&user=alice';
    const asked = await new RtmpPeer('publish', '/studio/camera', { port, app: `studio${named}` }).started();
    const [failed] = asked.events;
    assert.ok(failed?.kind === 'failed');
    const [, salt = '', opaque = ''] = /&salt=([^&]*)&challenge=[^&]*&opaque=(.*)$/.exec(failed.description) ?? [];
    const response = adobeResponse({ user: 'alice', password: 'correct-horse', salt, opaque, challenge: 'c' });
    const app = `studio${named}&challenge=c&response=${response}&opaque=${opaque}`;
    const peer = await new RtmpPeer('publish', '/studio/camera', { port, app }).started();
    assert.deepEqual(peer.codes, ['NetStream.Publish.Start']);
    assert.deepEqual(said, ['alice is on air at /studio/camera']);
    peer.socket.destroy();
  });

  test('failed attempts: the configuration starts, and the table has its keys', async () => {
    const config = configOf('failed-attempts');
    await using running = await startServer(config);
    const { failures } = running.server.context.config.auth;
    const told = [...page('failed-attempts').matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    assert.deepEqual(told, Object.keys(failures));
  });
});
