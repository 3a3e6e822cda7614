import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { makeSource } from '../support/ffmpeg.ts';
import { type Lab, openLab } from '../support/tools-lab.ts';
import { CliProcess, temporaryFolder } from '../flow/cli-process.ts';
import { usualDay } from './migrate/usual-day.ts';
import { ApiScript, Receiver } from './migrate/user.ts';

const SECRET = 'migration-stream-secret';
const user = { username: 'admin', password: 'moving-house-1' };
/** Of `user.password`, as Node-Media-Server 4.4.3 wrote it into its own file. */
const HASH =
  'scrypt$16384$8$1$37e8c96f4e961156523bccf899389ce7$84df86ab5c6765b4754128d68aa55c1cc478f821af6fa8a2609cb4225f62179a7ce010b4d020f1b73223ff21cfd676a0c3a3b8b60061a0ad3ee1ca0ea3ffe0f2';

/** The file as Node-Media-Server 4.4.3 ships it and fills it in, all its keys, in its layout. */
function nmsConfig(): string {
  const config = {
    bind: '127.0.0.1',
    notify: { url: '' },
    store: { path: './data', maxHistory: 10000 },
    auth: {
      play: true,
      publish: true,
      secret: SECRET,
      jwt: {
        secret: 'b161639db2791304a9b8052e4e3e95173d1fe5bb79c5cad05d434370de88edf7',
        expiresIn: '24h',
        refreshExpiresIn: '7d',
        algorithm: 'HS256',
        users: [{ username: user.username, password: HASH, role: 'admin' }],
      },
    },
    rtmp: { port: 0 },
    rtmps: { port: 0, key: './key.pem', cert: './cert.pem' },
    http: { port: 0 },
    https: { port: 0, key: './key.pem', cert: './cert.pem' },
    webadmin: { enable: true },
    record: { auto: false, path: './record' },
  };
  return JSON.stringify(config, null, 4);
}

function encoder(lab: Lab, source: string) {
  return (url: string) => {
    const args = ['-nostdin', '-v', 'error', '-re', '-stream_loop', '-1', '-i', source, '-c', 'copy', '-f', 'flv', url];
    const program = lab.programs.start('ffmpeg', args);
    return {
      isOver: () => program.isOver,
      stop: () => {
        program.kill('SIGINT');
        return program.over;
      },
    };
  };
}

describe('who comes from Node-Media-Server 4.4.3', () => {
  test('brings configuration, flags, addresses, receiver and scripts along, and they work', async (t) => {
    await using lab = await openLab();
    const cwd = temporaryFolder(t);
    const file = join(cwd, 'config.json');
    writeFileSync(file, nmsConfig());
    const receiver = new Receiver();
    t.after(() => receiver.close());
    const flags = ['-c', 'config.json', '-b', '127.0.0.1', '--record-auto', '--notify-url', await receiver.listen()];
    const server = new CliProcess(t, { cwd, args: flags, environment: { NMS_LOG_FORMAT: 'json' }, deadlineMs: 60_000 });
    const doors = await server.ready();
    const http = `http://127.0.0.1:${doors['http']}`;
    await usualDay({
      http,
      rtmp: `rtmp://127.0.0.1:${doors['rtmp']}`,
      api: new ApiScript(http),
      receiver,
      secret: SECRET,
      user,
      publish: encoder(lab, await makeSource(lab, { seconds: 10 })),
    });
    server.kill('SIGTERM');
    assert.equal(await server.ended, 0, server.stderr);
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { auto?: boolean; url?: string }>;
    assert.equal(kept['record']?.auto, false);
    assert.equal(kept['notify']?.url, '');
  });
});
