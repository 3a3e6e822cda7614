import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StreamPath } from '../../../../src/core/stream-path.ts';
import { isBelow, locateBelow, streamFolder, streamOfFolder } from '../../../../src/servers/record/record-paths.ts';

test('the folder of a stream is its path; parts that are too long for a file system are shortened, each to its own', () => {
  assert.equal(streamFolder('/live/a'), 'live/a');
  assert.equal(streamFolder('/one/two/直播'), 'one/two/直播');
  const long = '播'.repeat(128);
  const folder = streamFolder(`/live/${long}`).slice('live/'.length);
  assert.ok(Buffer.byteLength(folder) <= 255);
  assert.match(folder, /^播{79}~[0-9a-f]{16}$/);
  assert.notEqual(folder, streamFolder(`/live/${long.slice(1)}放`).slice('live/'.length));
  assert.equal(streamFolder(`/live/${'a'.repeat(128)}`), `live/${'a'.repeat(128)}`);
});

test('a folder is of the stream that it is named after, if it can be one', () => {
  assert.equal(streamOfFolder('live/a'), '/live/a');
  assert.equal(streamOfFolder('one/two/three'), '/one/two/three');
  for (const folder of ['live', '', 'live/a b', 'live/../a', `live/${'a'.repeat(129)}`]) {
    assert.equal(streamOfFolder(folder), null, folder);
  }
});

test('what is below a folder is told from what only looks like it', () => {
  for (const path of ['/r/a', '/r/a/b', '/r/..a']) assert.equal(isBelow('/r', path), true, path);
  for (const path of ['/r', '/', '/ra', '/r/../x', '/x']) assert.equal(isBelow('/r', join(path)), false, path);
});

test('a file is located below the root only, wherever dots and links lead', (t) => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'nms-paths-')));
  t.after(() => rmSync(base, { recursive: true }));
  const root = join(base, 'record');
  mkdirSync(join(root, 'live/a'), { recursive: true });
  mkdirSync(join(base, 'outside'));
  writeFileSync(join(base, 'outside/secret.flv'), '');
  writeFileSync(join(root, 'live/a/1.flv'), '');
  symlinkSync(join(base, 'outside'), join(root, 'live/out'));
  symlinkSync(join(root, 'live/a'), join(root, 'live/in'));
  assert.equal(locateBelow(root, 'live/a/1.flv'), join(root, 'live/a/1.flv'));
  assert.equal(locateBelow(root, 'live/in/1.flv'), join(root, 'live/a/1.flv'));
  const hostile = [
    '../outside/secret.flv',
    join(base, 'outside/secret.flv'),
    'live/out/secret.flv',
    'live/a/2.flv',
    '',
    '.',
    'a\0b',
  ];
  for (const path of hostile) assert.equal(locateBelow(root, path as StreamPath), null, path);
  assert.equal(locateBelow(join(base, 'absent'), 'live/a/1.flv'), null);
});
