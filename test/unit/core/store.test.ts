import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Store } from '../../../src/core/store.ts';
import { ConfigError } from '../../../src/errors.ts';
import { type LogLine, recordingLogger } from '../../support/house.ts';

const words = { name: 'words', steps: ['CREATE TABLE words (word TEXT NOT NULL) STRICT'] };

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'nms-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function storeIn(folder: string, lines: LogLine[] = []): Store {
  return new Store({ folder, durability: 'none', logger: recordingLogger(lines) });
}

function add(store: Store, word: string): true | null {
  return store.write((database) => {
    database.prepare('INSERT INTO words VALUES (?)').run(word);
    return true as const;
  });
}

function list(store: Store): unknown[] | null {
  return store.read((database) =>
    database
      .prepare('SELECT word FROM words')
      .all()
      .map(({ word }) => word),
  );
}

describe('the store', () => {
  test('keeps what was written, for the next time that it is opened', (t) => {
    const folder = join(temporary(t), 'made/for/it');
    const first = storeIn(folder);
    first.open(words);
    assert.equal(add(first, 'a'), true);
    first.close(words);
    const second = storeIn(folder);
    second.open(words);
    assert.deepEqual(list(second), ['a']);
    second.close(words);
  });

  test('is readable by nobody but its user', (t) => {
    const folder = temporary(t);
    const store = storeIn(folder);
    store.open(words);
    add(store, 'a');
    for (const name of ['nms.db', 'nms.db-wal']) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
    store.close(words);
  });

  test('takes back all of a transaction that fails', (t) => {
    const lines: LogLine[] = [];
    const store = storeIn(temporary(t), lines);
    store.open(words);
    const result = store.write((database) => {
      database.exec("INSERT INTO words VALUES ('a')");
      database.exec('INSERT INTO words VALUES (NULL)');
      return true;
    });
    assert.equal(result, null);
    assert.deepEqual(list(store), []);
    assert.equal(add(store, 'b'), true);
    assert.deepEqual(
      lines.map(({ level, message }) => `${level} ${message}`),
      ['error the store cannot be used at the moment', 'info the store works again'],
    );
    store.close(words);
  });

  test('an error that is not of the database goes to the caller, and nothing was written', (t) => {
    const store = storeIn(temporary(t));
    store.open(words);
    const work = () =>
      store.write((database) => {
        database.exec("INSERT INTO words VALUES ('a')");
        throw new RangeError('ours');
      });
    assert.throws(work, { message: 'ours' });
    assert.deepEqual(list(store), []);
    store.close(words);
  });

  test('is refused to a second server, by the folder, and free again after the first', (t) => {
    const folder = temporary(t);
    const first = storeIn(folder);
    const second = storeIn(folder);
    first.open(words);
    assert.throws(
      () => second.open(words),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.path, 'store.path');
        assert.equal(
          error.message,
          `store.path is "${folder}", which another running server uses; a folder of its own is allowed`,
        );
        return true;
      },
    );
    first.close(words);
    second.open(words);
    second.close(words);
  });

  test('brings older tables up to date, step by step, and keeps what is in them', (t) => {
    const folder = temporary(t);
    const old = storeIn(folder);
    old.open(words);
    add(old, 'a');
    old.close(words);
    const newer = { ...words, steps: [...words.steps, "ALTER TABLE words ADD COLUMN tongue TEXT DEFAULT 'en'"] };
    const store = storeIn(folder);
    store.open(newer);
    const rows = store.read((database) => database.prepare('SELECT word, tongue FROM words').all());
    assert.deepEqual(
      rows?.map((row) => ({ ...row })),
      [{ word: 'a', tongue: 'en' }],
    );
    store.close(newer);
    assert.throws(() => storeIn(folder).open(words), {
      code: 'NMS_CONFIG',
      message: 'the store holds version 2 of words, written by a newer version of this program; up to 1 is allowed',
    });
    const again = storeIn(folder);
    again.open(newer);
    again.close(newer);
  });

  test('parts share the file, and the last one closes it', (t) => {
    const folder = temporary(t);
    const numbers = { name: 'numbers', steps: ['CREATE TABLE numbers (number INTEGER) STRICT'] };
    const store = storeIn(folder);
    store.open(words);
    store.open(numbers);
    store.close(words);
    assert.equal(add(store, 'a'), true);
    store.close(numbers);
    assert.equal(add(store, 'b'), null);
  });

  test('a file that is no database is moved aside, and said', (t) => {
    const folder = temporary(t);
    writeFileSync(join(folder, 'nms.db'), 'not a database, '.repeat(1000));
    const lines: LogLine[] = [];
    const store = storeIn(folder, lines);
    store.open(words);
    assert.equal(add(store, 'a'), true);
    assert.deepEqual(list(store), ['a']);
    assert.equal(store.isPersistent, true);
    store.close(words);
    const aside = readdirSync(folder).find((name) => name.startsWith('nms.db.corrupt-'));
    assert.match(readFileSync(join(folder, aside ?? ''), 'utf8'), /^not a database/);
    assert.deepEqual(
      lines.map(({ level, message }) => `${level} ${message}`),
      ['error the store was damaged and is moved aside'],
    );
  });

  test('a file that is damaged while it is used is moved aside too', (t) => {
    const folder = temporary(t);
    const first = storeIn(folder);
    first.open(words);
    for (let count = 0; count < 2000; count++) add(first, `word ${count}`);
    first.close(words);
    const file = join(folder, 'nms.db');
    const bytes = readFileSync(file);
    bytes.fill(0xff, 6 * 4096);
    writeFileSync(file, bytes);
    const lines: LogLine[] = [];
    const store = storeIn(folder, lines);
    store.open(words);
    assert.equal(list(store), null);
    assert.deepEqual(list(store), []);
    assert.equal(add(store, 'a'), true);
    assert.match(lines[0]?.message ?? '', /damaged/);
    store.close(words);
  });

  for (const [name, spoil] of [
    ['is a file', (folder: string) => writeFileSync(folder, '')],
    [
      'holds a folder in the place of the database',
      (folder: string) => mkdirSync(join(folder, 'nms.db'), { recursive: true }),
    ],
  ] as const) {
    test(`without a folder that can be used (it ${name}) things are kept in memory, and that is said once`, (t) => {
      const folder = join(temporary(t), 'data');
      spoil(folder);
      const lines: LogLine[] = [];
      const store = storeIn(folder, lines);
      store.open(words);
      assert.equal(store.isPersistent, false);
      assert.equal(add(store, 'a'), true);
      assert.deepEqual(list(store), ['a']);
      store.close(words);
      assert.deepEqual(
        lines.map(({ level, message }) => `${level} ${message}`),
        ['error the store cannot be used: what it would keep is kept in memory, and ends with the process'],
      );
    });
  }

  const isRoot = process.getuid?.() === 0;
  test('in a folder that cannot be written things are kept in memory', {
    skip: isRoot && 'root may write anywhere',
  }, (t) => {
    const folder = temporary(t);
    chmodSync(folder, 0o500);
    t.after(() => chmodSync(folder, 0o700));
    const store = storeIn(folder);
    store.open(words);
    assert.equal(store.isPersistent, false);
    assert.equal(add(store, 'a'), true);
    store.close(words);
  });
});
