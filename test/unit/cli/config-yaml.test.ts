import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { setAt } from '../../../src/cli/config-file.ts';
import { editsBetween, placeOf } from '../../../src/cli/config-text.ts';
import { readYaml } from '../../../src/cli/config-yaml.ts';
import { ConfigError } from '../../../src/errors.ts';

const TEXT = `# top
rtmp:
  port: 1935   # the port

# doors
http: { port: 8000 }
auth:
    # who
    secret: 'abc'  # keep
    jwt:
        users:
            - username: admin   # me
              password: ""
            # last
            - { username: bob, password: x }
play:
gop:
  enabled: true
# end
`;

type Path = readonly (string | number)[];

function edited(text: string, path: Path, value: unknown): string {
  const yaml = readYaml(text);
  return yaml.write(setAt(yaml.document, path, value) as never).text;
}

function refusal(text: string): string {
  try {
    readYaml(text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return 'accepted';
}

describe('a file of YAML', () => {
  const rows: readonly [what: string, path: Path, value: unknown, before: string, after: string][] = [
    ['a number', ['rtmp', 'port'], 1936, 'port: 1935   # the port', 'port: 1936   # the port'],
    ['a text in its quotes', ['auth', 'secret'], "it's", "secret: 'abc'  # keep", "secret: 'it''s'  # keep"],
    ['a text in a list', ['auth', 'jwt', 'users', 0, 'password'], 's$1', 'password: ""', 'password: "s$1"'],
    ['a text on one line with others', ['auth', 'jwt', 'users', 1, 'password'], 'y', 'password: x }', 'password: y }'],
    ['a key beside others', ['rtmp', 'chunkSize'], 4096, '# the port\n', '# the port\n  chunkSize: 4096\n'],
    ['a key on one line with others', ['http', 'path'], '/a', '{ port: 8000 }', '{ port: 8000, "path": "/a" }'],
    ['a key where nothing was', ['play', 'waitMs'], 5, 'play:\n', 'play: {"waitMs":5}\n'],
    ['a whole section', ['flv', 'origins'], ['http://a'], '# end\n', 'flv:\n  origins:\n    - http://a\n# end\n'],
    ['a key that goes', ['auth', 'secret'], undefined, "    secret: 'abc'  # keep\n", ''],
  ];
  for (const [what, path, value, before, after] of rows) {
    test(`takes ${what}, and every other byte stays`, () => {
      const without =
        value === undefined ? JSON.parse(JSON.stringify(setAt(readYaml(TEXT).document, path, value))) : null;
      const text = without === null ? edited(TEXT, path, value) : readYaml(TEXT).write(without as never).text;
      assert.equal(text, TEXT.replace(before, after));
    });
  }

  const behind: readonly [what: string, before: string, wanted: object, after: string][] = [
    ['the only key of a section', 'a:\n  b: 1   # b\n', { a: {} }, 'a:\n  {}   # b\n'],
    ['one that is deeper', 'a:\n  b:\n    c: 1 # c\n  # b\n', { a: {} }, 'a:\n  {} # c\n  # b\n'],
    ['a list that becomes longer', 'a:\n  - 1 # one\n', { a: [1, 2] }, 'a:\n  - 1\n  - 2 # one\n'],
    ['a section that becomes a text', 'a:\n  b: 1 # b\n', { a: 'x' }, 'a:\n  x # b\n'],
  ];
  for (const [what, before, change, after] of behind) {
    test(`with a comment behind the end of ${what} keeps it, and every other line as it is`, () => {
      const rest = 'odd:   {x: [1,2]}   # odd\n';
      const yaml = readYaml(before + rest);
      const { text } = yaml.write({ ...yaml.document, ...change });
      assert.equal(text, after + rest);
    });
  }

  test('keeps line ends of Windows', () => {
    const text = TEXT.replaceAll('\n', '\r\n');
    const wanted = TEXT.replace('# the port\n', '# the port\n  chunkSize: 1\n').replaceAll('\n', '\r\n');
    assert.equal(edited(text, ['rtmp', 'chunkSize'], 1), wanted);
  });

  test('may hold nothing but comments, or nothing', () => {
    assert.equal(edited('# none\n', ['auth', 'secret'], 'x'), '# none\nauth:\n  secret: x\n');
    assert.equal(edited('', ['a'], 1), 'a: 1\n');
    assert.deepEqual(readYaml('# none\n').document, {});
  });

  test('says whatever document it is told to, with all comments of what stays', () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
    );
    const key = fc.stringMatching(/^[a-z]{1,4}$/);
    const document = fc.dictionary(key, fc.oneof(value, fc.dictionary(key, value, { maxKeys: 3 })), { maxKeys: 4 });
    fc.assert(
      fc.property(document, (sections) => {
        const yaml = readYaml(TEXT);
        const wanted = JSON.parse(JSON.stringify({ ...yaml.document, ...sections })) as typeof yaml.document;
        const next = yaml.write(wanted);
        assert.deepEqual(next.document, wanted);
        for (const comment of ['# top', '# doors', '# who', '# me', '# last', '# end']) {
          assert.ok(next.text.includes(comment), comment);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('is not written where an anchor would carry the change elsewhere', () => {
    const yaml = readYaml('a: &x { k: 1 }\nb: *x\n');
    assert.deepEqual(yaml.document, { a: { k: 1 }, b: { k: 1 } });
    assert.throws(() => yaml.write({ a: { k: 1 }, b: { k: 2 } }), /does not fit into the file/);
    // The place that has the anchor gets another value.
    const named = readYaml('a: &x old\nb: *x\n');
    assert.throws(() => named.write({ a: 'new', b: 'old' }), { code: 'its anchors are in the way' });
  });

  test('that is wrong is refused with its place, and never quoted', () => {
    assert.equal(refusal('a: SECRET\na: 2\n'), 'line 2, column 1: a key that is there already');
    assert.equal(refusal('a: !!js/function SECRET\n'), 'line 1, column 4: a tag; none but those of JSON are allowed');
    assert.equal(refusal('a: 1\n---\nb: 2\n'), 'line 2, column 1: a second document; one is allowed');
    assert.equal(refusal('a:\n\tb: SECRET\n'), 'line 2, column 1: a tab; spaces are allowed for indentation');
    assert.equal(refusal('- SECRET\n'), 'the file holds a list; one object is allowed');
    assert.equal(refusal('SECRET'), 'the file holds a string; one object is allowed');
    for (const text of [
      'a: [SECRET',
      'a: "SECRET',
      'a: b: SECRET',
      '%YAML SECRET\n---\na: 1',
      'a: *SECRET',
      '? SECRET\n: [',
    ]) {
      assert.doesNotMatch(refusal(text), /SECRET|accepted/, text);
    }
  });

  test('with a key that is a list is read without a word beside the error that follows', async (t) => {
    const warnings: Error[] = [];
    const hear = (warning: Error) => void warnings.push(warning);
    process.on('warning', hear);
    t.after(() => process.off('warning', hear));
    assert.deepEqual(readYaml('? [a, b]\n: 2\n').document, { '[ a, b ]': 2 });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(warnings, []);
  });

  test('cannot grow by its anchors', () => {
    let text = 'a: &a [x,x,x,x,x,x,x,x,x]\n';
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef'])
      text += `${to}: &${to} [${Array(9).fill(`*${from}`).join()}]\n`;
    assert.match(refusal(text), /refers to its anchors too often/);
  });
});

test('edits are as small as they can be; a list of another length is one', () => {
  const before = { a: 1, b: { c: [1, 2], d: [1] }, e: 1 };
  const after = { a: 1, b: { c: [1, 3], d: [1, 2] }, f: 1 };
  assert.deepEqual(editsBetween(before, after), [
    { path: ['b', 'c', 1], value: 3 },
    { path: ['b', 'd'], value: [1, 2] },
    { path: ['e'], value: undefined },
    { path: ['f'], value: 1 },
  ]);
});

test('a key has a place in YAML and JSON; one that is missing has that of what is above it', () => {
  assert.deepEqual(placeOf('auth.jwt.users[1].password', TEXT), { line: 15, column: 32 });
  assert.deepEqual(placeOf('rtmp.prt', TEXT), { line: 2, column: 1 });
  assert.equal(placeOf('nothing', TEXT), null);
  const json = '{\n\t"rtmp": {\n\t\t"port": 1,\n\t\t"x": [{ "y": 1 }]\n\t}\n}';
  assert.deepEqual(placeOf('rtmp.port', json), { line: 3, column: 3 });
  assert.deepEqual(placeOf('rtmp.x[0].y', json), { line: 4, column: 11 });
});
