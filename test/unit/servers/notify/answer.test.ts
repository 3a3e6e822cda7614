import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readAnswer, UselessAnswer } from '../../../../src/servers/notify/answer.ts';

const json = (status: number, body: unknown) => ({ status, type: 'application/json', body: JSON.stringify(body) });

describe('the answer of a target', () => {
  const allowed = [
    { name: 'a bare 200', answer: { status: 200, type: '', body: '' } },
    { name: 'a bare 204', answer: { status: 204, type: '', body: '' } },
    { name: 'OK as plain text', answer: { status: 200, type: 'text/plain; charset=utf-8', body: 'OK' } },
    { name: 'an empty object', answer: json(200, {}) },
    { name: 'allow: true', answer: json(201, { allow: true, reason: 'why not' }) },
  ];
  for (const { name, answer } of allowed) {
    test(`${name} allows`, () => assert.deepEqual(readAnswer(answer, 'v1'), { allow: true }));
  }

  test('a redirect and limits come with it', () => {
    const limits = { maxDurationMs: 1000, maxBitrate: 5_000_000, codecs: ['avc', 'aac'] };
    const answer = json(200, { redirect: '/live/b', limits });
    assert.deepEqual(readAnswer(answer, 'v1'), { allow: true, redirect: '/live/b', limits });
  });

  test('allow: false denies, with its reason, whether or not a header says that it is JSON', () => {
    const refusal = { allow: false, reason: 'not paid' };
    for (const type of ['application/json', 'application/problem+json', '', 'text/plain', 'text/html']) {
      const answer = { status: 200, type, body: ` ${JSON.stringify(refusal)}` };
      assert.deepEqual(readAnswer(answer, 'v1'), refusal, type);
    }
  });

  const denied = [
    [json(403, { reason: 'banned' }), 'banned'],
    [json(404, { message: 'no such user' }), 'no such user'],
    [json(400, { reason: 'a\r\nb\u0000\u202ec  d' }), 'a b c d'],
    [json(400, { reason: 'é'.repeat(500) }), 'é'.repeat(200)],
    [json(401, { reason: 7 }), 'refused by a webhook'],
    [json(401, { reason: ' \n' }), 'refused by a webhook'],
    [{ status: 403, type: 'text/html', body: '<h1>Forbidden</h1>' }, 'refused by a webhook'],
    [json(403, { allow: true }), 'refused by a webhook'],
  ] as const;
  for (const [answer, reason] of denied) {
    test(`${answer.status} ${answer.body.slice(0, 30)} denies: ${reason.slice(0, 30)}`, () => {
      assert.deepEqual(readAnswer(answer, 'v1'), { allow: false, reason });
    });
  }

  const useless = [
    { status: 301, type: '', body: '' },
    { status: 307, type: '', body: '' },
    { status: 500, type: '', body: '' },
    { status: 503, type: 'application/json', body: '{"allow":true}' },
    { status: 200, type: 'text/html', body: '<h1>Sign in</h1>' },
    { status: 200, type: 'application/json', body: 'OK' },
    { status: 200, type: '', body: '{"allow":' },
    json(200, { alow: false }),
    json(200, { allow: 'no' }),
    json(200, { redirect: 'live/b' }),
    json(200, { redirect: '/b' }),
    json(200, { redirect: '/live/../b' }),
    json(200, { limits: { maxDurationMs: 0 } }),
    json(200, { limits: { codecs: ['h264'] } }),
    json(200, { limits: { seconds: 1 } }),
    json(200, []),
    json(200, [{ allow: true }]),
  ];
  for (const answer of useless) {
    test(`${answer.status} ${answer.type} ${answer.body} is no decision`, () => {
      assert.throws(() => readAnswer(answer, 'v1'), UselessAnswer);
    });
  }

  test('of a receiver made for Node-Media-Server 4 only the status counts', () => {
    assert.deepEqual(readAnswer(json(200, { code: 0, allow: false }), 'nms'), { allow: true });
    assert.deepEqual(readAnswer({ status: 403, type: '', body: '' }, 'nms').allow, false);
    assert.throws(() => readAnswer({ status: 500, type: '', body: '' }, 'nms'), UselessAnswer);
  });

  test('any other answer is a decision or none, and allows only with 2xx', () => {
    const body = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        fc.constantFrom('', 'text/plain', 'application/json'),
        body,
        (status, type, text) => {
          try {
            const decision = readAnswer({ status, type, body: text }, 'v1');
            if (decision.allow) assert.equal(Math.floor(status / 100), 2);
            else assert.ok(decision.reason !== undefined && decision.reason.length > 0);
          } catch (error) {
            assert.ok(error instanceof UselessAnswer, String(error));
          }
        },
      ),
    );
  });
});
