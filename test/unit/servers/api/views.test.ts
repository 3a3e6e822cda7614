import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Views } from '../../../../src/servers/api/views.ts';

test('a view of a list is made once for each query, and again for another list', () => {
  const views = new Views<readonly number[], { readonly query: object }>();
  const [first, second] = [[1], [1]];
  let made = 0;
  const of = (list: readonly number[], query: object) => views.of(list, query, () => ({ query, made: ++made }));
  const one = of(first, { page: 1 });
  assert.equal(of(first, { page: 1 }), one);
  assert.notEqual(of(first, { page: 2 }), one);
  assert.notEqual(of(second, { page: 1 }), one);
  assert.equal(made, 3);
  assert.notEqual(of(first, { page: 1 }), one);
});

test('queries beyond 32 of one list are answered and not kept', () => {
  const views = new Views<object, { readonly page: number }>();
  const list = {};
  const of = (page: number) => views.of(list, { page }, () => ({ page }));
  for (let page = 0; page < 32; page++) assert.equal(of(page), of(page));
  assert.notEqual(of(32), of(32));
  assert.equal(of(0), of(0));
});
