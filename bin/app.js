#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  const found = 'this is ' + process.versions.node;
  process.stderr.write(
    'Node Media Server needs Node 22.18 or newer, ' + found + '; `npm start` uses the one installed with the project\n',
  );
  process.exit(1);
}
const isAbsent = (error) => error.code === 'ERR_MODULE_NOT_FOUND' && String(error.url).endsWith('/src/cli.ts');
void import('../src/cli.ts')
  .catch((error) => (isAbsent(error) ? import('../dist/cli.js') : Promise.reject(error)))
  .then((cli) => cli.main(process.argv.slice(2)));
