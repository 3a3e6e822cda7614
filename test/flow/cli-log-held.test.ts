import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { anyPorts, APP, temporaryFolder } from './cli-process.ts';

/** Says on standard error when signals are heard: the log cannot be read here. */
const HEARS = `
  const timer = setInterval(() => {
    if (process.listenerCount('SIGTERM') === 0) return;
    clearInterval(timer);
    process.stderr.write('hears signals');
  }, 5);
`;

/** The command with its log going to `output`: how it ends, once it hears signals and is sent these. */
async function endOf(t: TestContext, output: number, signals: readonly NodeJS.Signals[]): Promise<unknown[]> {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'config.json'), JSON.stringify({ workers: 1, rtmp: {}, http: {} }));
  const preload = `data:text/javascript,${encodeURIComponent(HEARS)}`;
  const { PATH = '' } = process.env;
  const { NMS_BIND, NMS_RTMP_PORT, NMS_HTTP_PORT } = anyPorts;
  const child = spawn(process.execPath, ['--import', preload, APP], {
    cwd,
    env: { PATH, NMS_BIND, NMS_RTMP_PORT, NMS_HTTP_PORT },
    stdio: ['ignore', output, 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const ended = once(child, 'exit');
  t.after(() => {
    child.kill('SIGKILL');
    return ended;
  });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  while (!said.includes('hears signals')) await once(child.stderr!, 'data');
  for (const signal of signals) child.kill(signal);
  return ended;
}

/** A pipe that is full, and that nobody reads; the end to write into. */
function fullPipe(t: TestContext): number {
  const path = join(temporaryFolder(t), 'log');
  execFileSync('mkfifo', [path]);
  const keeper = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => closeSync(keeper));
  for (const size of [4096, 1]) {
    assert.throws(() => {
      for (;;) writeSync(keeper, Buffer.alloc(size));
    }, /EAGAIN/);
  }
  const end = openSync(path, 'w');
  t.after(() => closeSync(end));
  return end;
}

describe('a log that cannot be written does not keep the server from ending', {
  skip: process.platform === 'win32',
}, () => {
  test('with 0: its disk is full', { skip: existsSync('/dev/full') ? false : 'no /dev/full' }, async (t) => {
    const output = openSync('/dev/full', 'w');
    t.after(() => closeSync(output));
    assert.deepEqual(await endOf(t, output, ['SIGTERM']), [0, null]);
  });

  test('with 0: its reader hangs and the pipe is full', async (t) => {
    assert.deepEqual(await endOf(t, fullPipe(t), ['SIGTERM']), [0, null]);
  });

  test('with 1 at the second signal, though its reader hangs', async (t) => {
    assert.deepEqual(await endOf(t, fullPipe(t), ['SIGTERM', 'SIGINT']), [1, null]);
  });
});
