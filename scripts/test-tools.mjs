import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** What the end-to-end tests run, and the Debian packages that bring it. */
const TOOLS = [
  { command: 'ffmpeg', packages: ['ffmpeg'] },
  { command: 'chromium', packages: ['chromium'] },
  { command: 'rtmpdump', packages: ['rtmpdump'] },
  { command: 'cvlc', packages: ['vlc-bin', 'vlc-plugin-base'] },
  {
    command: 'gst-launch-1.0',
    packages: [
      'gstreamer1.0-tools',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
      'gstreamer1.0-plugins-ugly',
      'gstreamer1.0-libav',
    ],
  },
  { command: 'openssl', packages: ['openssl'] },
];

function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

function missingTools() {
  return TOOLS.filter(({ command }) => !has(command));
}

/** As root, or with a sudo that asks nothing. */
function aptCommand() {
  if (!has('apt-get')) return null;
  if (process.getuid?.() === 0) return ['apt-get'];
  const isAllowed = has('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
  return isAllowed ? ['sudo', '-n', 'apt-get'] : null;
}

function apt(command, args) {
  const [program, ...before] = command;
  return spawnSync(program, [...before, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }).status;
}

/** Installs the Debian packages that are missing, when it may, and says what stays missing. */
export function installDebianTools() {
  const missing = missingTools();
  if (missing.length === 0) return;
  const packages = missing.flatMap((tool) => tool.packages);
  const command = process.env.NMS_TEST_NO_INSTALL ? null : aptCommand();
  if (command !== null) {
    console.log(`installing for the end-to-end tests: ${packages.join(' ')}`);
    apt(command, ['update', '-q']);
    apt(command, ['install', '-y', '-q', '--no-install-recommends', ...packages]);
  }
  for (const { command: name, packages: wanted } of missingTools()) {
    console.log(`not installed: ${name}; the tests that need it are skipped (apt-get install ${wanted.join(' ')})`);
  }
}

/** FFmpeg 8 as a library, for the tests of Enhanced RTMP: in a folder of its own, because of its licence and its size. */
export function installFfmpeg8(root) {
  const folder = join(root, 'test/ffmpeg8');
  if (existsSync(join(folder, 'node_modules/node-av/package.json'))) return;
  if (process.env.NMS_TEST_NO_INSTALL) return;
  console.log('installing FFmpeg 8 for the tests of Enhanced RTMP (test/ffmpeg8)');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.status !== 0) console.log('not installed: FFmpeg 8 (node-av); the tests that need it are skipped');
}
