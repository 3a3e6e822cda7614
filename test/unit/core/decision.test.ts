import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  allow,
  deny,
  FULL_GRANT,
  isDecision,
  limits,
  narrow,
  readDecision,
  redirect,
} from '../../../src/core/decision.ts';

describe('decisions', () => {
  test('only an object that allows or not is one: listeners may return anything', () => {
    for (const one of [allow(), deny('no'), redirect('/a/b'), limits({ maxBitrate: 1 })]) assert.ok(isDecision(one));
    for (const one of [undefined, null, true, 1, 'allow', {}, { allow: 'yes' }, []]) assert.ok(!isDecision(one));
  });

  test('with a limit that cannot be kept is a fault, not a decision without a limit', () => {
    for (const good of [allow(), deny('no'), limits({ maxDurationMs: 0, maxBitrate: Infinity, codecs: [] })]) {
      assert.equal(readDecision(good), good);
    }
    assert.equal(readDecision('yes'), null);
    const until: number | undefined = undefined;
    assert.throws(() => readDecision(limits({ maxDurationMs: Number(until) - 5 })), {
      name: 'TypeError',
      message: 'the limit maxDurationMs of a decision is NaN; a number is allowed',
    });
    assert.throws(() => readDecision(limits({ maxBitrate: '5 Mbit/s' as never })), /maxBitrate .* is 5 Mbit\/s;/);
    assert.throws(() => readDecision(limits({ codecs: 'avc' as never })), /codecs .* is avc; a list of names/);
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
