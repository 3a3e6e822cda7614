#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  const found = 'this is ' + process.versions.node;
  process.stderr.write(
    'Node Media Server needs Node 22.18 or newer, ' + found + '; `npm start` uses the one installed with the project\n',
  );
  process.exit(1);
}
// Frames live for moments: a young generation that is cleared often costs some CPU time and saves tens of megabytes, and
// only the command line can set it. An operator's own choice stands. Windows cannot replace a process by another.
const isYoungChosen = /semi[-_]space/.test([process.env.NODE_OPTIONS, ...process.execArgv].join(' '));
if (!isYoungChosen && process.platform !== 'win32' && process.execve) {
  const args = ['--max-semi-space-size=8', ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, [process.execPath, ...args], process.env);
}
const isAbsent = (error) => error.code === 'ERR_MODULE_NOT_FOUND' && String(error.url).endsWith('/src/cli.ts');
void import('../src/cli.ts')
  .catch((error) => (isAbsent(error) ? import('../dist/cli.js') : Promise.reject(error)))
  .then((cli) => cli.main(process.argv.slice(2)));
