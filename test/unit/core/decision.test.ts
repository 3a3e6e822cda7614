import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allow, deny, FULL_GRANT, isDecision, limits, narrow, redirect } from '../../../src/core/decision.ts';

describe('decisions', () => {
  test('only an object that allows or not is one: listeners may return anything', () => {
    for (const one of [allow(), deny('no'), redirect('/a/b'), limits({ maxBitrate: 1 })]) assert.ok(isDecision(one));
    for (const one of [undefined, null, true, 1, 'allow', {}, { allow: 'yes' }, []]) assert.ok(!isDecision(one));
  });

  test('the last redirect wins', () => {
    const grant = [redirect('/live/b'), allow(), redirect('/live/c'), limits({})].reduce(narrow, FULL_GRANT);
    assert.equal(grant.redirect, '/live/c');
  });

  test('the strictest limit of each kind wins, whoever said it', () => {
    const said = [
      limits({ maxDurationMs: 60_000, codecs: ['avc', 'hevc', 'aac'] }),
      limits({ maxDurationMs: 30_000, maxBitrate: 5_000_000 }),
      limits({ maxBitrate: 8_000_000, codecs: ['aac', 'avc', 'opus'] }),
    ];
    const strictest = { maxDurationMs: 30_000, maxBitrate: 5_000_000, codecs: ['avc', 'aac'] };
    assert.deepEqual(said.reduce(narrow, FULL_GRANT).limits, strictest);
  });

  test('codecs that nobody agrees on leave none', () => {
    const grant = [limits({ codecs: ['avc'] }), limits({ codecs: ['hevc'] })].reduce(narrow, FULL_GRANT);
    assert.deepEqual(grant.limits, { codecs: [] });
  });
});
