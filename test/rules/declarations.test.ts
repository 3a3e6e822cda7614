import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');

/** What somebody has who installed the package: its own dependencies that bring types, and the types of Node. */
const INSTALLED = ['zod', '@types/node', 'undici-types'];

const PROGRAM = `
import { allow, ConfigError, deny, ListenError, NmsError, NodeMediaServer, servers } from 'node-media-server-ts';
import type { ErrorCode, NodeMediaServerConfig, ServerEventName } from 'node-media-server-ts';

const server = new NodeMediaServer({ rtmp: { port: 0 }, http: { port: 0 } }, { servers });
server.admit(({ action }) => (action === 'play' ? allow() : deny('no')));
server.on('prePublish', async ({ streamQuery }) => (streamQuery['token'] === undefined ? deny('no token') : undefined));
server.on('streamHealth', ({ id }, { message }, change: 'raised' | 'cleared') => console.log(id, message, change));
server.on('donePlay', ({ endTime, endReason }) => console.log(new Date(endTime), endReason?.message));
// @ts-expect-error no such event
server.on('postPlayed', () => {});
// @ts-expect-error a misspelt key
export const wrongKey: NodeMediaServerConfig = { rtmp: { prot: 1935 } };
// @ts-expect-error a misspelt section
export const wrongSection: NodeMediaServerConfig = { rtpm: { port: 1935 } };

export function advise(error: unknown): string {
  if (error instanceof ConfigError) return error.path;
  if (error instanceof ListenError) return error.address;
  if (!(error instanceof NmsError)) return '';
  // @ts-expect-error no such code
  if (error.code === 'NMS_LISTNE') return '';
  const code: ErrorCode = error.code;
  return code === 'NMS_DENIED' ? 'denied' : code;
}
export const name: ServerEventName = 'postRecord';
`;

describe('what the package declares', () => {
  let folder = '';

  /** What the compiler says; empty when all is well. */
  function compile(args: readonly string[], cwd: string): Promise<string> {
    const tsc = join(root, 'node_modules/.bin/tsc');
    return new Promise((done) =>
      execFile(tsc, args, { cwd }, (error, stdout) => done(stdout || (error?.message ?? ''))),
    );
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nms-declarations-'));
    const modules = join(folder, 'node_modules');
    const dist = join(modules, 'node-media-server-ts/dist');
    await mkdir(dist, { recursive: true });
    await symlink(join(root, 'package.json'), join(modules, 'node-media-server-ts/package.json'));
    for (const name of INSTALLED) {
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(root, 'node_modules', name), join(modules, name));
    }
    const built = await compile(['-p', 'tsconfig.build.json', '--outDir', dist, '--emitDeclarationOnly'], root);
    assert.equal(built, '');
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(join(folder, 'program.ts'), PROGRAM);
  });

  after(() => rm(folder, { recursive: true, force: true }));

  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const) {
    test(`compiles strictly, libraries checked too, with moduleResolution ${resolution}`, async () => {
      const own = ['--strict', '--skipLibCheck', 'false', '--noEmit', '--types', 'node'];
      const target = ['--target', 'es2022', '--lib', 'es2022,esnext.disposable'];
      const modules = ['--module', module, '--moduleResolution', resolution];
      assert.equal(await compile([...own, ...target, ...modules, 'program.ts'], folder), '');
    });
  }
});
