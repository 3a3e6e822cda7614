import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { findJsonProblem } from '../../../src/cli/json-problem.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('findJsonProblem', () => {
  for (const [text, line, column, reason] of [
    ['', 1, 1, 'the file ends where a value is expected'],
    ['{', 1, 2, 'the file ends where a name in double quotes is expected'],
    ['{\n  "a": 1,\n}', 3, 1, 'a comma before "}"'],
    ['[1,\r\n]', 2, 1, 'a comma before "]"'],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3, '"," or "}" is expected'],
    ['{"a" 1}', 1, 6, '":" is expected'],
    ['{a: 1}', 1, 2, 'a name in double quotes is expected'],
    ["{'a': 1}", 1, 2, 'a single quote where a name in double quotes is expected; JSON has double quotes only'],
    ['{\n  // ports\n  "a": 1}', 2, 3, 'a comment; JSON has none'],
    ['{"a": tru}', 1, 7, 'a value is expected'],
    ['{"a": 01}', 1, 8, '"," or "}" is expected'],
    ['{"a": "x\ny"}', 1, 7, 'a text that is not closed or holds a bad escape'],
    ['{"a": "C:\\media"}', 1, 7, 'a text that is not closed or holds a bad escape'],
    ['{"a: 1}', 1, 2, 'a name that is not closed or holds a bad escape'],
    ['{} {}', 1, 4, 'the end of the file is expected'],
    ['[1, 2', 1, 6, 'the file ends where "," or "]" is expected'],
  ] as const) {
    test(`${JSON.stringify(text)} stops at line ${line}, column ${column}`, () => {
      assert.deepEqual(findJsonProblem(text), { line, column, reason });
    });
  }

  test('text nested deeper than any stack is no crash', () => {
    assert.deepEqual(findJsonProblem('['.repeat(1_000_000))?.column, 1_000_001);
    assert.equal(findJsonProblem('['.repeat(100_000) + ']'.repeat(100_000)), null);
  });

  test('a problem is found exactly when JSON.parse finds one', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"\\u00zz"',
      '1',
      '-',
      'true',
      'nul',
      ' ',
      '\n',
      '/',
      '.5',
      'e9',
    );
    const soup = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));
    const damaged = fc
      .tuple(fc.json(), fc.nat(), fc.string({ maxLength: 1 }))
      .map(
        ([text, at, insert]) =>
          text.slice(0, at % (text.length + 1)) + insert + text.slice((at % (text.length + 1)) + 1),
      );
    fc.assert(
      fc.property(fc.oneof(soup, damaged, fc.json(), fc.string()), (text) => {
        assert.equal(findJsonProblem(text) === null, isJson(text));
      }),
      { numRuns: 2000 },
    );
  });
});
