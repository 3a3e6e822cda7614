import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readOptions, UsageError } from '../../../bench/options.ts';
import { suiteNames } from '../../../bench/results.ts';

describe('the command line of the bench', () => {
  test('measures fan-out when nothing is said, and everything with --full', () => {
    assert.deepEqual(readOptions([])?.suites, ['fanout']);
    assert.deepEqual(readOptions(['--full'])?.suites, suiteNames);
  });

  test('takes suites, transports and numbers as lists', () => {
    const options = readOptions(['--suite', 'idle, storm', '--only', 'ws', '--n', '10,20']);
    assert.deepEqual(options?.suites, ['idle', 'storm']);
    assert.deepEqual(options?.transports, ['ws']);
    assert.deepEqual(options?.players, [10, 20]);
  });

  test('soaks for an hour with --full, for two minutes otherwise, or as long as it is told', () => {
    assert.equal(readOptions(['--full'])?.soakMinutes, 60);
    assert.equal(readOptions([])?.soakMinutes, 2);
    assert.equal(readOptions(['--minutes', '7'])?.soakMinutes, 7);
  });

  test('leaves nginx out when it is to be alone', () => {
    assert.equal(readOptions(['--full'])?.nginx, true);
    assert.equal(readOptions(['--full', '--alone'])?.nginx, false);
  });

  for (const args of [
    ['--suite', 'fan'],
    ['--only', 'hls'],
    ['--n', '0'],
    ['--n', '1.5'],
    ['--window', '31'],
    ['--wat'],
    ['--spread', '--suite', 'idle'],
  ]) {
    test(`refuses ${args.join(' ')}`, () => {
      assert.throws(() => readOptions(args), UsageError);
    });
  }

  test('has nothing to measure when help is asked for', () => {
    assert.equal(readOptions(['--help']), null);
  });
});
