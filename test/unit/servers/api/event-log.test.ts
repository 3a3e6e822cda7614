import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { type EventDraft, EventLog, MAX_EVENT_BYTES, MAX_EVENTS } from '../../../../src/servers/api/event-log.ts';
import { EventReader, MAX_READER_BACKLOG_BYTES } from '../../../../src/servers/api/event-reader.ts';

const draft = (name: string, fields: object = {}, bytes = 100): EventDraft => ({ name, fields, bytes });
const namesOf = (events: readonly { readonly name: string }[]) => events.map(({ name }) => name);

describe('the log of events', () => {
  test('tells what came after an id, and numbers go up by one', () => {
    const log = new EventLog();
    const start = log.lastId;
    for (const name of ['a', 'b', 'c']) log.add(draft(name));
    assert.deepEqual(namesOf(log.since(start).events), ['a', 'b', 'c']);
    const second = log.since(start).events[1]!;
    assert.equal(second.seq, 2);
    assert.deepEqual(log.since(log.idOf(second.seq)), { events: log.since(start).events.slice(2), gap: null });
    assert.deepEqual(log.since(log.lastId), { events: [], gap: null });
  });

  test('keeps a bounded number, and says when what is asked for is forgotten', () => {
    const log = new EventLog();
    for (let i = 0; i < MAX_EVENTS + 5; i++) log.add(draft('e'));
    assert.equal(log.size, MAX_EVENTS);
    assert.deepEqual(log.since(log.idOf(4)), { events: [], gap: 'forgotten' });
    const { events, gap } = log.since(log.idOf(5));
    assert.deepEqual([events.length, events[0]!.seq, gap], [MAX_EVENTS, 6, null]);
  });

  test('keeps a bounded number of bytes', () => {
    const log = new EventLog();
    for (let i = 0; i < 10; i++) log.add(draft('e', {}, MAX_EVENT_BYTES / 4));
    assert.equal(log.size, 4);
    log.add(draft('e', {}, MAX_EVENT_BYTES + 1));
    assert.equal(log.size, 0);
    assert.equal(log.since(log.idOf(10)).gap, 'forgotten');
    assert.equal(log.since(log.lastId).gap, null);
  });

  test('puts an event into words once, when somebody reads it', () => {
    const log = new EventLog();
    let times = 0;
    const event = log.add(draft('e', { toJSON: () => ({ times: ++times }) }));
    assert.equal(times, 0);
    assert.deepEqual([event.data, event.data, times], ['{"times":1}', '{"times":1}', 1]);
  });

  test('an id of another run, of the future, or that is none, is recognised', () => {
    const log = new EventLog();
    log.add(draft('e'));
    const [run] = log.lastId.split('-');
    for (const id of [
      new EventLog().lastId,
      `${run}-2`,
      `${run}-`,
      run!,
      '',
      'x'.repeat(1000),
      `${run}-1 `,
      `${run}--1`,
    ]) {
      assert.equal(log.since(id).gap, 'restarted', id);
    }
  });
});

/** As much of a response as a reader uses. */
class FakeResponse {
  head: object = {};
  text = '';
  writableLength = 0;
  destroyed = false;
  writableEnded = false;
  isRead = true;

  writeHead(status: number, headers: object) {
    this.head = { status, ...headers };
  }

  write(text: string) {
    this.text += text;
    if (!this.isRead) this.writableLength += text.length;
  }

  destroy() {
    this.destroyed = true;
  }

  end() {
    this.writableEnded = true;
  }

  #onDrain = () => {};

  once(_event: 'drain', listener: () => void) {
    this.#onDrain = listener;
  }

  drain() {
    this.writableLength = 0;
    this.#onDrain();
  }
}

function readerOf(log: EventLog, names: readonly string[] | null = null) {
  const response = new FakeResponse();
  const reader = new EventReader(response as unknown as ServerResponse, log, names === null ? null : new Set(names));
  return { reader, response };
}

describe('a reader of events', () => {
  test('is told where he is, then each event with its id and name', () => {
    const log = new EventLog();
    log.add(draft('before'));
    const { reader, response } = readerOf(log);
    reader.begin(null);
    const start = log.lastId;
    reader.tell(log.add(draft('postPublish', { app: 'live' })));
    reader.ping();
    assert.equal(
      response.text,
      `retry: 3000\nid: ${start}\n\n` +
        `id: ${log.lastId}\nevent: postPublish\ndata: {"app":"live"}\n\n` +
        `id: ${log.lastId}\n: ping\n\n`,
    );
    assert.deepEqual(response.head, {
      status: 200,
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
  });

  test('who comes back gets what he missed and nothing twice', () => {
    const log = new EventLog();
    log.add(draft('a', { number: 1 }));
    const known = log.lastId;
    log.add(draft('b', { number: 2 }));
    log.add(draft('c', { number: 3 }));
    const { reader, response } = readerOf(log);
    reader.begin(known);
    reader.tell(log.add(draft('d', { number: 4 })));
    assert.deepEqual(
      [...response.text.matchAll(/^event: (\w+)/gm)].map(([, name]) => name),
      ['b', 'c', 'd'],
    );
  });

  test('who asks for some events gets those only, also of what he missed', () => {
    const log = new EventLog();
    const known = log.lastId;
    log.add(draft('a', { number: 1 }));
    log.add(draft('b', { number: 2 }));
    const { reader, response } = readerOf(log, ['b']);
    reader.begin(known);
    reader.tell(log.add(draft('a', { number: 3 })));
    reader.tell(log.add(draft('b', { number: 4 })));
    assert.deepEqual(
      [...response.text.matchAll(/^data: \{"number":(\d)/gm)].map(([, data]) => data),
      ['2', '4'],
    );
  });

  test('who comes back to another run is told to load everything, whatever he filters', () => {
    const log = new EventLog();
    log.add(draft('a', { number: 1 }));
    const { reader, response } = readerOf(log, ['b']);
    reader.begin(new EventLog().lastId);
    assert.equal(response.text, `retry: 3000\nid: ${log.lastId}\nevent: reset\ndata: {"reason":"restarted"}\n\n`);
  });

  test('who has missed more than may wait for him gets it all, and is measured as usual from then on', () => {
    const log = new EventLog();
    const known = log.lastId;
    const text = 'x'.repeat(1000);
    for (let i = 0; i < 500; i++) log.add(draft('a', { text }));
    const { reader, response } = readerOf(log);
    response.isRead = false;
    reader.begin(known);
    const replayed = response.writableLength;
    assert.ok(replayed > MAX_READER_BACKLOG_BYTES);
    assert.equal(response.destroyed, false);
    response.drain();
    while (!response.destroyed) reader.tell(log.add(draft('a', { text })));
    assert.ok(response.writableLength < MAX_READER_BACKLOG_BYTES + 2000);
    const { reader: second, response: stuck } = readerOf(log);
    stuck.isRead = false;
    second.begin(log.idOf(0));
    const missed = stuck.writableLength;
    while (!stuck.destroyed) second.tell(log.add(draft('a', { text })));
    assert.ok(stuck.writableLength < missed + MAX_READER_BACKLOG_BYTES + 2000);
  });

  test('who does not read is cut off at the limit, and not written to any more', () => {
    const log = new EventLog();
    const { reader, response } = readerOf(log);
    reader.begin(null);
    response.isRead = false;
    const text = 'x'.repeat(1000);
    while (!response.destroyed) reader.tell(log.add(draft('a', { text })));
    assert.ok(response.writableLength > MAX_READER_BACKLOG_BYTES);
    assert.ok(response.writableLength < MAX_READER_BACKLOG_BYTES + 2000);
    const { length } = response.text;
    reader.tell(log.add(draft('a', { text })));
    reader.ping();
    assert.equal(response.text.length, length);
  });
});
