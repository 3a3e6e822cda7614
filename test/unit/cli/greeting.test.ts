import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { greetingLines, type OpenListener } from '../../../src/cli/greeting.ts';

const lines = (...listeners: readonly [OpenListener['name'], string, number][]) =>
  greetingLines(
    listeners.map(([name, host, port]) => ({ name, host, port })),
    { publish: false, play: false },
  );

const target = (line: string | undefined) => line?.split(' ').at(-1);

describe('greetingLines', () => {
  test('all addresses are reached by localhost, one address by itself', () => {
    const [publish, watch] = lines(['rtmp', '0.0.0.0', 1935], ['rtmps', '0.0.0.0', 1936], ['http', '0.0.0.0', 8000]);
    assert.match(publish ?? '', /^publish: ffmpeg -re -f lavfi -i testsrc2/);
    assert.equal(target(publish), 'rtmp://localhost:1935/live/test');
    assert.equal(watch, 'watch: http://localhost:8000/');
    assert.deepEqual(lines(['rtmp', '::1', 5], ['https', '192.0.2.7', 6]).map(target), [
      'rtmp://[::1]:5/live/test',
      'https://192.0.2.7:6/',
    ]);
  });

  test('one kind of door serves both purposes as well as it can', () => {
    assert.deepEqual(lines(['rtmps', '::', 9]).map(target), [
      'rtmps://localhost:9/live/test',
      'rtmps://localhost:9/live/test',
    ]);
    assert.deepEqual(lines(['http', '::', 9]).map(target), ['http://localhost:9/live/test.flv', 'http://localhost:9/']);
    assert.deepEqual(lines(), []);
  });

  test('what needs a credential is said, with the command that makes one', () => {
    assert.deepEqual(greetingLines([], { publish: true, play: false }), [
      'auth.publish is on: nms sign publish /live/test makes an address that may',
    ]);
    assert.equal(greetingLines([], { publish: true, play: true }).length, 2);
  });
});
