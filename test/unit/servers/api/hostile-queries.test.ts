import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { eventOperations } from '../../../../src/servers/api/operations/events.ts';
import { historyOperations } from '../../../../src/servers/api/operations/history.ts';
import { recordOperations } from '../../../../src/servers/api/operations/records.ts';
import { sessionOperations } from '../../../../src/servers/api/operations/sessions.ts';
import { streamOperations } from '../../../../src/servers/api/operations/streams.ts';
import { Rates } from '../../../../src/servers/api/rates.ts';
import { FakeSession, makeContext } from '../../../support/house.ts';

const context = makeContext();
const rates = new Rates(context);
const operations = [streamOperations, sessionOperations, eventOperations, historyOperations, recordOperations].flatMap(
  (create) => create(context, rates),
);
for (let i = 0; i < 3; i++) new FakeSession(context, `/live/${i}`);

const NAMES = [
  ...['page', 'pageSize', 'sort', 'order', 'search', 'app', 'name', 'status', 'protocol', 'type', 'ip', 'internal'],
  ...['start', 'end', 'streamPath', 'file', 'reason', 'events', 'lastEventId', 'ttl', 'action', '__proto__'],
];
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer().map(String),
  fc.double().map(String),
  fc.constantFrom(
    '',
    'asc',
    'desc',
    'key',
    'constructor',
    'toString',
    '__proto__',
    'all',
    'true',
    '1e400',
    '2026-13-40',
  ),
);
const query = fc.dictionary(fc.constantFrom(...NAMES), fc.oneof(text, fc.array(text, { maxLength: 3 })), {
  maxKeys: 8,
});

describe('whatever stands in a query', () => {
  test('it fits, or is refused, and nothing is thrown', () => {
    const schemas = operations.flatMap(({ query: schema }) => schema ?? []);
    assert.ok(schemas.length >= 8, `${schemas.length} schemas`);
    let fitting = 0;
    fc.assert(
      fc.property(fc.constantFrom(...schemas), query, (schema, asked) => {
        if (schema.safeParse(asked).success) fitting++;
      }),
      { numRuns: 3000 },
    );
    assert.ok(fitting > 100, `${fitting} fitted`);
  });

  test('what fits the lists of streams and sessions is answered, with entries that are there', () => {
    const lists = operations.filter(({ id }) => id === 'listStreams' || id === 'listSessions');
    assert.equal(lists.length, 2);
    fc.assert(
      fc.property(fc.constantFrom(...lists), query, (list, asked) => {
        const fitted = list.query!.safeParse(asked);
        if (!fitted.success || list.answer.kind !== 'json') return;
        const found = list.answer.handle({ query: fitted.data } as never);
        assert.equal(list.answer.data.safeParse(found).success, true);
      }),
      { numRuns: 2000 },
    );
  });
});
