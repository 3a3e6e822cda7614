import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { EventClient, type ReadEvent, startApiHouse } from '../support/api-house.ts';
import { until } from '../support/wait.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/4-operate/events-over-http.md'), 'utf8');

type Listener = (event: { readonly lastEventId: string; readonly data: string }) => void;

/** As much of a browser's EventSource as the program uses; it does not come back by itself. */
class FakeEventSource {
  static readonly CLOSED = 2;
  static readonly made: FakeEventSource[] = [];
  readyState = 1;
  onerror: (() => void) | null = null;
  readonly url: URL;
  client: EventClient | null = null;
  readonly #listeners = new Map<string, Listener>();

  constructor(url: string) {
    this.url = new URL(url);
    FakeEventSource.made.push(this);
    void this.#open();
  }

  async #open(): Promise<void> {
    this.client = await EventClient.open(Number(this.url.port), this.url.search, {});
    const deliver = ({ id, name, data }: ReadEvent) => {
      this.#listeners.get(name)?.({ lastEventId: id, data: JSON.stringify(data) });
    };
    // Some may have come with the head of the answer.
    this.client.events.forEach(deliver);
    this.client.onEvent = deliver;
  }

  addEventListener(name: string, listener: Listener): void {
    this.#listeners.set(name, listener);
  }

  /** The server has refused it for good. */
  fail(): void {
    this.client?.close();
    this.readyState = FakeEventSource.CLOSED;
    this.onerror?.();
  }
}

test('the program of the page about events over HTTP follows them, and misses nothing when it has to come back', async () => {
  const [, program] = /^```js\n([\s\S]*?)^```/m.exec(page) ?? [];
  assert.ok(program !== undefined);
  await using house = await startApiHouse();
  const waiting: (() => void)[] = [];
  const world = {
    fetch,
    EventSource: FakeEventSource,
    setTimeout: (again: () => void) => waiting.push(again),
  };
  const follow = runInNewContext(`${program}; follow`, world);
  const told: string[] = [];
  let reloads = 0;
  await follow(`http://127.0.0.1:${house.port}`, house.token, {
    reload: () => reloads++,
    tell: (name: string, { streamPath }: { readonly streamPath: string }) => told.push(`${name} ${streamPath}`),
  });
  const [first] = FakeEventSource.made;
  await until(() => first?.client?.answer.statusCode === 200, 'the events');
  const publisher = await house.rtmp('publish', '/live/a');
  await until(() => told.length === 1, 'the first event');
  first!.fail();
  publisher.leave();
  await until(() => house.context.streams.size === 0, 'the end of the stream');
  waiting[0]!();
  await until(() => told.length === 2, 'what was missed');
  assert.deepEqual(told, ['postPublish /live/a', 'donePublish /live/a']);
  assert.equal(reloads, 1);
  for (const { client } of FakeEventSource.made) client?.close();
});

test('the page shows an event as it is told', async () => {
  const [, shown] = /^data: (\{.*),…\}$/m.exec(page) ?? [];
  const example = JSON.parse(`${shown}}`) as object;
  await using house = await startApiHouse();
  const reader = await house.events('?events=postPublish');
  await house.rtmp('publish', '/live/test');
  const { data } = await reader.has('postPublish');
  assert.deepEqual(Object.keys(data).slice(0, Object.keys(example).length), Object.keys(example));
  const fields = [...page.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, names]) => [
    ...names!.matchAll(/`(\w+)`/g),
  ]);
  const told = fields.map(([, name]) => name!).filter((name) => name !== 'advice' && name !== 'state');
  assert.deepEqual(told.sort(), Object.keys(data).sort());
});
