import assert from 'node:assert/strict';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createLog } from '../../../src/cli/log.ts';
import type { CoreConfig } from '../../../src/core/config.ts';

const root = mkdtempSync(join(tmpdir(), 'log-'));
after(() => rmSync(root, { recursive: true, force: true }));

async function written(config: Partial<CoreConfig['log']>, isTerminal: boolean): Promise<string> {
  const path = join(mkdtempSync(join(root, 'place-')), 'log');
  const log = createLog(
    { level: 'info', format: 'auto', sessionIntervalMs: 0, ...config },
    isTerminal,
    openSync(path, 'w'),
  );
  log.logger.debug({}, 'too quiet');
  log.logger.child({ session: 'x' }).info({ port: 1935 }, 'rtmp listens');
  log.logger.error({ err: new Error('broken') }, 'ours');
  await log.flush();
  return readFileSync(path, 'utf8');
}

describe('createLog', () => {
  test('elsewhere than on a terminal each line is JSON with time and level in words', async () => {
    const lines = (await written({}, false))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(lines.length, 2);
    const { time, ...rest } = lines[0] ?? {};
    assert.deepEqual(rest, { level: 'info', session: 'x', port: 1935, msg: 'rtmp listens' });
    assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
    assert.match(JSON.stringify(lines[1]?.err), /"message":"broken"/);
  });

  test('on a terminal lines are for people', async () => {
    const text = await written({}, true);
    assert.match(text, /\d\d:\d\d:\d\d.*INFO.*rtmp listens.*1935/);
    assert.match(text, /Error: broken/);
    assert.doesNotMatch(text, /^\{/m);
  });

  test('the format can be chosen, and the level', async () => {
    assert.match(await written({ format: 'json' }, true), /^\{"level":"info"/);
    assert.match(await written({ format: 'pretty' }, false), /INFO: rtmp listens/);
    assert.match(await written({ level: 'debug' }, false), /too quiet/);
    assert.equal(await written({ level: 'silent' }, false), '');
  });
});
