import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const folder = import.meta.dirname;

/** Where everything is that a run needs. */
export interface Tools {
  readonly loadgen: string;
  /** Runs a program behind a line with delay and loss (bench/link.c). */
  readonly link: string;
  readonly root: string;
  /** The peer's installed package, or null with the reason why it is missing. */
  readonly peer: { readonly entry: string; readonly version: string } | { readonly missing: string };
  readonly nginx: { readonly version: string; readonly module: string | null } | { readonly missing: string };
}

/** Something the bench cannot do without; the message says how to get it. */
export class MissingError extends Error {}

/** Builds the programs in C and installs the peer, where that has not been done. @throws MissingError */
export function prepare(wantNginx: boolean, wantPeer = true): Tools {
  if (process.platform !== 'linux') {
    throw new MissingError(`the bench needs Linux (epoll, /proc, network namespaces); this is ${process.platform}`);
  }
  return {
    loadgen: build('loadgen'),
    link: build('link'),
    root: join(folder, '..'),
    peer: wantPeer ? installPeer() : { missing: 'not asked for' },
    nginx: wantNginx ? findNginx() : { missing: 'not asked for' },
  };
}

function build(name: 'loadgen' | 'link'): string {
  const source = join(folder, `${name}.c`);
  const binary = join(folder, 'build', name);
  if (existsSync(binary) && statSync(binary).mtimeMs >= statSync(source).mtimeMs) return binary;
  mkdirSync(join(folder, 'build'), { recursive: true });
  const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (compiler === undefined) {
    throw new MissingError('no C compiler: install gcc and the C library headers (Debian: apt install gcc libc6-dev)');
  }
  const built = spawnSync(compiler, ['-O2', '-Wall', '-Wextra', '-o', binary, source], { encoding: 'utf8' });
  if (built.status !== 0) {
    throw new MissingError(`${compiler} could not build bench/${name}.c:\n${built.stderr}`);
  }
  return binary;
}

function installPeer(): Tools['peer'] {
  const peers = join(folder, 'peers');
  const installed = join(peers, 'node_modules', 'node-media-server');
  if (!existsSync(join(installed, 'package.json'))) {
    process.stderr.write('installing the peer into bench/peers ...\n');
    const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: peers,
      encoding: 'utf8',
    });
    if (npm.status !== 0) {
      return { missing: `npm ci in bench/peers failed: ${(npm.stderr || npm.error?.message || '').trim()}` };
    }
  }
  const { version } = z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')));
  return { entry: join(installed, 'bin', 'app.js'), version };
}

function findNginx(): Tools['nginx'] {
  const nginx = spawnSync('nginx', ['-V'], { encoding: 'utf8' });
  if (nginx.status !== 0) return { missing: 'nginx is not installed' };
  const version = /nginx version: nginx\/(\S+)/.exec(nginx.stderr)?.[1] ?? 'of unknown version';
  if (/--add-module=\S*rtmp/.test(nginx.stderr)) return { version, module: null };
  const modules = [
    /--modules-path=(\S+)/.exec(nginx.stderr)?.[1],
    '/usr/lib/nginx/modules',
    '/usr/lib64/nginx/modules',
  ];
  const module = modules
    .filter((path) => path !== undefined)
    .map((path) => join(path, 'ngx_rtmp_module.so'))
    .find((path) => existsSync(path));
  return module === undefined
    ? { missing: 'nginx has no rtmp module (Debian: libnginx-mod-rtmp)' }
    : { version, module };
}
