import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimedHead } from '../../../src/servers/flv/timed-head.ts';

test('a head is shared within a second, and made anew for the next', () => {
  let now = Date.UTC(2026, 0, 2, 3, 4, 5);
  const head = new TimedHead(200, { Pragma: 'no-cache' }, () => now);
  const first = head.now();
  assert.equal(first.toString(), 'HTTP/1.1 200 OK\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nPragma: no-cache\r\n\r\n');
  now += 999;
  assert.equal(head.now(), first);
  now += 1;
  assert.match(head.now().toString(), /03:04:06/);
});
