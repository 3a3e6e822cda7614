import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { frameUnit } from '../../../../src/protocols/flv/flv-framing.ts';

describe('framing', () => {
  test('plain is nothing', () => {
    const bytes = Buffer.of(1);
    assert.equal(frameUnit('plain', bytes), bytes);
  });

  const chunks: readonly [length: number, head: string][] = [
    [1, '1\r\n'],
    [15, 'f\r\n'],
    [16, '10\r\n'],
    [70_000, '11170\r\n'],
  ];
  for (const [length, head] of chunks) {
    test(`an HTTP chunk of ${length} bytes`, () => {
      const bytes = Buffer.alloc(length, 0xaa);
      assert.deepEqual(frameUnit('chunked', bytes), Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n')]));
    });
  }

  test('no chunk of 0 bytes, which would end the body', () => {
    assert.equal(frameUnit('chunked', Buffer.alloc(0)).length, 0);
  });

  const frames: readonly [length: number, head: string][] = [
    [1, '8201'],
    [125, '827d'],
    [126, '827e007e'],
    [65535, '827effff'],
    [65536, '827f0000000000010000'],
    [70_000, '827f0000000000011170'],
  ];
  for (const [length, head] of frames) {
    test(`a WebSocket frame of ${length} bytes`, () => {
      const bytes = Buffer.alloc(length, 0xaa);
      assert.deepEqual(frameUnit('websocket', bytes), Buffer.concat([Buffer.from(head, 'hex'), bytes]));
    });
  }
});
