import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { anyPorts, CliProcess, temporaryFolder } from './cli-process.ts';

const auth = {
  publish: true,
  secret: 'a-signing-secret',
  streamKeys: { topsecret: '/live/alice' },
  publishers: [{ username: 'bob', password: 'hunter2pass' }],
  token: { secret: 'a token secret that is long enough' },
};

describe('the command', () => {
  test('signs an address that its own server takes', async (t) => {
    const cwd = temporaryFolder(t);
    writeFileSync(join(cwd, 'config.json'), JSON.stringify({ auth: { ...auth, jwt: {} }, rtmp: { port: 0 } }));
    const server = new CliProcess(t, { cwd, environment: { ...anyPorts, NMS_WORKERS: '1', NMS_LOG_FORMAT: 'json' } });
    const { rtmp } = await server.ready();
    const signing = new CliProcess(t, { cwd, args: ['sign', 'publish', '/live/test', '--ttl', '5m'] });
    assert.equal(await signing.ended, 0, signing.stderr);
    const [query, ...addresses] = signing.stdout.trimEnd().split('\n');
    assert.match(query!, /^sign=\d+-[0-9a-f]{64}$/);
    assert.deepEqual(addresses, [`rtmp://localhost:0/live/test?${query}`]);
    const peers = await Promise.all(
      [`/live/test?${query}`, '/live/other'].map((path) => new RtmpPeer('publish', path, { port: rtmp! }).started()),
    );
    const codes = peers.map((peer) => peer.codes.join());
    for (const { socket } of peers) socket.destroy();
    assert.deepEqual(codes, ['NetStream.Publish.Start', 'NetStream.Publish.BadName']);
    server.kill('SIGTERM');
    assert.equal(await server.ended, 0);
    for (const secret of ['topsecret', 'hunter2pass', auth.secret, auth.token.secret, query!.slice(5)]) {
      assert.ok(!(server.stdout + server.stderr).includes(secret), secret);
    }
    // What it adds to the file leaves the operator's keys as he wrote them.
    const kept = JSON.parse(readFileSync(join(cwd, 'config.json'), 'utf8')) as { auth: typeof auth };
    assert.deepEqual([kept.auth.streamKeys, kept.auth.publishers], [auth.streamKeys, auth.publishers]);
  });

  test('checks a configuration without showing what is secret in it', async (t) => {
    const cwd = temporaryFolder(t);
    const check = async (change: object) => {
      writeFileSync(join(cwd, 'config.json'), JSON.stringify({ auth: { ...auth, ...change }, rtmp: {} }));
      const checking = new CliProcess(t, { cwd, args: ['check'] });
      const code = await checking.ended;
      assert.ok(!/topsecret|hunter2pass|long enough/.test(checking.stdout + checking.stderr), checking.stderr);
      return `${code} ${checking.stderr}`;
    };
    assert.equal(await check({}), '0 ');
    assert.match(
      await check({ streamKeys: { topsecret: 'live' } }),
      /^1 config\.json: line 1, column \d+: auth\.streamKeys is an object; .*\n$/,
    );
    assert.match(
      await check({ publishers: [{ username: 'b/b', password: 'hunter2pass' }] }),
      /^1 config\.json: line 1, column \d+: auth\.publishers\[0\]\.username is "b\/b"; .*\n$/,
    );
    assert.match(
      await check({ token: { ...auth.token, jwksUrl: 'https://a/b' } }),
      /^1 config\.json: line 1, column \d+: auth\.token is an object; only one of .*\n$/,
    );
    assert.match(
      await check({ token: { keyFile: 'absent.pem' } }),
      /^1 config\.json: line 1, column \d+: auth\.token\.keyFile is "absent\.pem", which cannot be read \(ENOENT\).*\n$/,
    );
  });
});
