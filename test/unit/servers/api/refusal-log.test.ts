import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RefusalLog } from '../../../../src/servers/api/refusal-log.ts';
import { type LogLine, recordingLogger } from '../../../support/house.ts';

test('twenty lines a second are written, then one that counts; failures have lines of their own', () => {
  const lines: LogLine[] = [];
  const log = new RefusalLog(recordingLogger(lines));
  for (let i = 0; i < 50; i++) log.write('warn', { status: 401 }, 'refused');
  for (let i = 0; i < 21; i++) log.write('error', { status: 500 }, 'failed');
  assert.deepEqual([lines.filter(({ level }) => level === 'warn').length, lines.length], [20, 40]);
  log.tick();
  const counted = lines.slice(40).map(({ level, fields, message }) => [level, fields['requests'], message]);
  assert.deepEqual(counted, [
    ['warn', 30, 'API: 30 more requests were refused'],
    ['error', 1, 'API: 1 more requests failed'],
  ]);
  log.tick();
  assert.equal(lines.length, 42, 'nothing more to say');
  log.write('warn', { status: 401 }, 'refused');
  assert.equal(lines.length, 43);
});
