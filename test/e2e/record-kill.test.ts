import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { makeSource, publishFile } from '../support/ffmpeg.ts';
import { assertClosed, readFlv } from '../support/recordings.ts';
import { eventually, missing } from '../support/tools.ts';
import { type Lab, openLab } from '../support/tools-lab.ts';

const APP = resolve(import.meta.dirname, '../../bin/app.js');
const DEADLINE_MS = 30_000;
const STREAMS = ['/live/one', '/live/two', '/deep/er/three'];

type Line = Readonly<Record<string, unknown>>;

/** The command, in a folder of its own. */
class Command {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #text = '';

  constructor(t: TestContext, folder: string) {
    this.#child = spawn(process.execPath, [APP, '--config', 'config.json'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
    });
    this.#ended = once(this.#child, 'close');
    t.after(() => this.end('SIGKILL'));
  }

  get lines(): Line[] {
    return this.#text
      .split('\n')
      .flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as Line] : []));
  }

  has(message: RegExp): boolean {
    return this.lines.some(({ msg }) => message.test(String(msg)));
  }

  /** Resolves when all doors are open: the port of RTMP. */
  async ready(): Promise<number> {
    await eventually(() => this.has(/^(watch|publish): /), 'the doors are open', DEADLINE_MS);
    const door = this.lines.find(({ listener, msg }) => listener === 'rtmp' && / listens on /.test(String(msg)));
    return Number(String(door?.['address']).split(':').at(-1));
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }
}

function recordings(folder: string): Map<string, Buffer> {
  const files = readdirSync(join(folder, 'record'), { recursive: true, encoding: 'utf8' });
  return new Map(
    files.filter((name) => name.endsWith('.flv')).map((name) => [name, readFileSync(join(folder, 'record', name))]),
  );
}

/** What ffmpeg says when it decodes a file; a cut tag at the end is no error to it. */
async function decode(lab: Lab, file: string): Promise<string> {
  const program = lab.programs.start('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-f', 'null', '-']);
  await program.finish(DEADLINE_MS);
  return program.stderr;
}

/** Milliseconds of media up to the last whole tag. */
function lengthOf(bytes: Buffer): number {
  const text = readFlv(bytes);
  return Math.max(...text.tags.map(({ timeMs }) => timeMs));
}

for (const workers of [1, 2]) {
  describe(`a server with workers ${workers} that is killed while it records`, { skip: missing('ffmpeg') }, () => {
    // At any moment: also while files are closed, at the end of a publish, and while they are finished after a start.
    const rounds = [700, 1_330, 2_900, 3_480];
    let lab: Lab;
    let source = '';
    before(async () => {
      lab = await openLab();
      source = await makeSource(lab, { seconds: 3 });
    });
    after(() => lab[Symbol.asyncDispose]());
    for (const [round, ms] of rounds.entries()) {
      test(`after ${ms} ms leaves files that play, and finishes them at the next start`, async (t) => {
        const folder = mkdtempSync(join(tmpdir(), 'nms-kill-'));
        t.after(() => rmSync(folder, { recursive: true, force: true }));
        const config = {
          bind: '127.0.0.1',
          workers,
          rtmp: { port: 0 },
          http: { port: 0 },
          record: { auto: true },
          log: { format: 'json' },
          publish: { graceMs: 100 },
        };
        writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
        const first = new Command(t, folder);
        const port = await first.ready();
        const begunAt = performance.now();
        const publishers = STREAMS.map((path) => publishFile(lab, source, `rtmp://127.0.0.1:${port}${path}`));
        await eventually(
          () => first.lines.filter(({ msg }) => msg === 'recording started').length === STREAMS.length,
          'all',
        );
        const recordedAt = performance.now();
        await delay(ms);
        const killedAt = performance.now();
        await first.end('SIGKILL');
        for (const publisher of publishers) await publisher.over;

        const left = recordings(folder);
        assert.equal(left.size, STREAMS.length);
        for (const name of left.keys()) assert.equal(await decode(lab, join(folder, 'record', name)), '', name);

        // The next one is killed while it finishes them, the last is left in peace.
        const second = new Command(t, folder);
        if (round % 2 === 1) {
          await eventually(() => second.has(/repaired|looked through|listens on/), 'a sign of life');
          await second.end('SIGKILL');
        }
        const third = round % 2 === 1 ? new Command(t, folder) : second;
        await third.ready();
        await eventually(() => third.has(/^the folder of recordings was looked through$/) || round % 2 === 1, 'a look');
        await eventually(() => {
          return [...recordings(folder).values()].every((bytes) => readFlv(bytes).values['filesize'] === bytes.length);
        }, 'all are finished');
        for (const [name, bytes] of recordings(folder)) {
          assertClosed(bytes);
          const wanted = Math.min(killedAt - recordedAt, 3_000) - 1_000;
          assert.ok(lengthOf(bytes) >= wanted, `${name}: ${lengthOf(bytes)} of ${killedAt - begunAt} ms`);
          assert.equal(await decode(lab, join(folder, 'record', name)), '', name);
        }
        await third.end('SIGTERM');
      });
    }
  });
}
