import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import {
  flag,
  isFound,
  MAX_LISTED,
  MAX_PAGE_SIZE,
  moment,
  optionalPageQuery,
  pagedQuery,
  pageOf,
  sorted,
  windowOf,
  word,
} from '../../../../src/servers/api/paging.ts';

const paged = z.object(pagedQuery);
const optional = z.object(optionalPageQuery);

describe('paging: what a query says', () => {
  test('a page and its size have defaults, and are brought within what is allowed', () => {
    const rows: [object, object][] = [
      [{}, { page: 1, pageSize: 20 }],
      [
        { page: '3', pageSize: '50' },
        { page: 3, pageSize: 50 },
      ],
      [
        { page: '0', pageSize: '0' },
        { page: 1, pageSize: 20 },
      ],
      [
        { page: '-5', pageSize: '-1' },
        { page: 1, pageSize: 20 },
      ],
      [
        { page: '', pageSize: '' },
        { page: 1, pageSize: 20 },
      ],
      [{ pageSize: '1000' }, { page: 1, pageSize: 100 }],
    ];
    for (const [asked, expected] of rows) assert.deepEqual(paged.parse(asked), expected);
  });

  test('what is no whole number, or comes twice, is refused', () => {
    for (const page of ['x', '1.5', '1e99', 'NaN', ['1', '2'], '9007199254740991']) {
      assert.equal(paged.safeParse({ page }).success, false, String(page));
    }
  });

  test('an empty word is none, and a long one is refused', () => {
    const schema = z.object({ app: word('') });
    assert.deepEqual(schema.parse({ app: '' }).app, undefined);
    assert.deepEqual(schema.parse({ app: 'live' }).app, 'live');
    assert.equal(schema.safeParse({ app: 'x'.repeat(2323) }).success, false);
    assert.equal(schema.safeParse({ app: ['a', 'b'] }).success, false);
  });

  test('a flag is true or false and nothing else', () => {
    const schema = z.object({ file: flag('') });
    for (const [text, expected] of [
      [undefined, false],
      ['', false],
      ['false', false],
      ['0', false],
      ['true', true],
      ['1', true],
    ] as const) {
      assert.equal(schema.parse({ file: text }).file, expected, text);
    }
    assert.equal(schema.safeParse({ file: 'yes' }).success, false);
  });

  test('a moment is unix milliseconds or a date, and a date that ends something includes its day', () => {
    const read = (edge: 'start' | 'end', text: string) => z.object({ at: moment(edge, '') }).parse({ at: text }).at;
    assert.equal(read('start', '1764000000000'), 1_764_000_000_000);
    assert.equal(read('start', '2026-01-31'), Date.UTC(2026, 0, 31));
    assert.equal(read('end', '2026-01-31'), Date.UTC(2026, 1, 1) - 1);
    assert.equal(read('end', '2026-01-31T12:00:00Z'), Date.UTC(2026, 0, 31, 12));
    assert.equal(read('end', ''), undefined);
    assert.equal(z.object({ at: moment('end', '') }).safeParse({ at: 'soon' }).success, false);
  });
});

describe('paging: lists', () => {
  const entries = Array.from({ length: 250 }, (_, index) => index);

  test('without a page all come, up to the named limit', () => {
    const { items, ...facts } = pageOf(entries, optional.parse({}));
    assert.deepEqual(facts, { total: 250, page: 1, pageSize: MAX_LISTED });
    assert.equal(items.length, 250);
    const many = Array.from({ length: MAX_LISTED + 1 }, () => 0);
    assert.deepEqual([pageOf(many, {}).items.length, pageOf(many, {}).total], [MAX_LISTED, MAX_LISTED + 1]);
  });

  test('a page without a size has 20 entries, a size without a page is of the first', () => {
    assert.deepEqual(pageOf(entries, optional.parse({ page: '2' })).items, entries.slice(20, 40));
    assert.deepEqual(pageOf(entries, optional.parse({ pageSize: '7' })).items, entries.slice(0, 7));
  });

  test('all pages one after the other are the whole list, whatever their size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: MAX_PAGE_SIZE }), (length, size) => {
        const list = entries.slice(0, length);
        const pages = Math.ceil(list.length / size);
        const all = Array.from({ length: pages + 1 }, (_, i) => pageOf(list, { page: i + 1, pageSize: size }).items);
        assert.deepEqual(all.flat(), list);
        assert.deepEqual(all.at(-1), []);
      }),
    );
  });

  test('the window of a page begins where the one before ended', () => {
    assert.deepEqual(windowOf({ page: 1, pageSize: 20 }), { offset: 0, limit: 20 });
    assert.deepEqual(windowOf({ page: 4, pageSize: 30 }), { offset: 90, limit: 30 });
  });

  test('sorting keeps equal entries in their order, in both directions', () => {
    const list = [
      { name: 'b', at: 1 },
      { name: 'a', at: 1 },
      { name: 'c', at: 0 },
    ];
    const names = (direction: 'asc' | 'desc') => sorted(list, ({ at }) => at, direction).map(({ name }) => name);
    assert.deepEqual(names('asc'), ['c', 'b', 'a']);
    assert.deepEqual(names('desc'), ['b', 'a', 'c']);
    assert.deepEqual(
      sorted(list, undefined, 'desc').map(({ name }) => name),
      ['c', 'a', 'b'],
    );
    assert.deepEqual(
      list.map(({ name }) => name),
      ['b', 'a', 'c'],
      'the list itself stays',
    );
  });

  test('a search finds parts of any text, upper and lower case alike', () => {
    assert.equal(isFound(undefined, 'x'), true);
    assert.equal(isFound('AM', '/live/cam', '192.0.2.1'), true);
    assert.equal(isFound('0.2', '/live/cam', '192.0.2.1'), true);
    assert.equal(isFound('.*', '/live/cam', '192.0.2.1'), false);
  });
});
