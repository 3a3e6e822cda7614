import assert from 'node:assert/strict';
import { eventually } from '../../support/tools.ts';
import { type ApiScript, type Receiver, signed } from './user.ts';

/** A server that a user of Node-Media-Server 4.4.3 has, and what he has around it. */
export interface SetUp {
  readonly http: string;
  readonly rtmp: string;
  readonly api: ApiScript;
  readonly receiver: Receiver;
  readonly secret: string;
  readonly user: { readonly username: string; readonly password: string };
  /** Publishes a clip in real time until the returned function is called; `isOver` says whether the encoder gave up. */
  publish(url: string): { stop(): Promise<void>; readonly isOver: () => boolean };
}

interface Stream {
  readonly key: string;
  readonly status: string;
  readonly publisher: { readonly id: string; readonly protocol: string; readonly videoCodec: number };
  readonly subscribers: number;
  readonly recording: boolean;
}

interface Listed<Item> {
  readonly items: readonly Item[];
  readonly count: number;
}

/** That server keeps a place for 30 s after any end. */
const GRACE_MS = 45_000;

/** Reads an HTTP-FLV stream; `bytes` grows until it ends. */
class Viewer {
  readonly #controller = new AbortController();
  status = 0;
  bytes = Buffer.alloc(0);
  hasEnded = false;

  constructor(url: string) {
    void this.#read(url);
  }

  async #read(url: string): Promise<void> {
    try {
      const response = await fetch(url, { signal: this.#controller.signal });
      this.status = response.status;
      for await (const chunk of response.body ?? []) this.bytes = Buffer.concat([this.bytes, chunk]);
    } catch {
      // The end of a stream that somebody cut is an end.
    }
    this.hasEnded = true;
  }

  get isPlaying(): boolean {
    return this.status === 200 && this.bytes.length > 2000 && this.bytes.toString('latin1', 0, 3) === 'FLV';
  }

  leave(): void {
    this.#controller.abort();
  }
}

async function streamOf(api: ApiScript, name: string): Promise<Stream | undefined> {
  const { streams } = await api.data<{ streams: Stream[]; total: number }>('GET', '/streams');
  return streams.find(({ key }) => key === `/live/${name}`);
}

async function watchAndKick({ http, api, secret }: SetUp): Promise<void> {
  const watching = new Viewer(`${http}/live/cam.flv${signed('/live/cam', secret).slice('/live/cam'.length)}`);
  await eventually(() => watching.isPlaying, 'a picture');
  const { sessions } = await api.data<{
    sessions: { id: string; ip?: string; isPublisher: boolean; protocol: string }[];
  }>('GET', '/sessions');
  const player = sessions.find(({ ip, isPublisher, protocol }) => ip && !isPublisher && protocol.includes('flv'));
  assert.ok(player, JSON.stringify(sessions));
  const answer = await api.ask('DELETE', `/sessions/${player.id}`);
  assert.equal(answer.status, 200);
  assert.equal(answer.body.message, 'Session deleted successfully');
  await eventually(() => watching.hasEnded, 'the end of a kicked player');
}

async function playEveryAddress({ api }: SetUp): Promise<void> {
  const { urls, signed: isSigned } = await api.data<{ signed: boolean; urls: { protocol: string; url: string }[] }>(
    'GET',
    '/streams/live/cam/urls?ttl=600',
  );
  assert.equal(isSigned, true);
  const flv = urls.find(({ protocol }) => protocol === 'http-flv');
  assert.ok(flv, JSON.stringify(urls));
  const viewer = new Viewer(flv.url);
  await eventually(() => viewer.isPlaying, `a picture of ${flv.url}`);
  viewer.leave();
}

async function recordByHand({ api }: SetUp): Promise<void> {
  const path = '/streams/live/cam/record';
  const isRecording = async () => (await api.data<{ recording: boolean }>('GET', path)).recording;
  assert.equal(await isRecording(), true);
  assert.equal((await api.ask('DELETE', path)).status, 200);
  assert.equal(await isRecording(), false);
  assert.equal((await api.ask('DELETE', path)).status, 400);
  const begun = await api.data<{ recordId: string; filePath: string }>('POST', path);
  assert.match(begun.filePath, /live\/cam\/\d+\.flv$/);
  assert.equal((await api.ask('POST', path)).status, 400);
  assert.equal(await isRecording(), true);
}

async function readLibrary({ api, http }: SetUp): Promise<void> {
  interface Item {
    readonly id: string;
    readonly status: string;
    readonly size: number;
    readonly duration: number;
    readonly filePath: string;
  }
  const list = () => api.data<Listed<Item>>('GET', '/records?streamPath=/live/cam&page=1&pageSize=20');
  await eventually(async () => (await list()).items.every(({ status }) => status === 'done'), 'closed recordings');
  const { items, count } = await list();
  assert.equal(count, 2);
  const [newest] = items;
  assert.ok(newest !== undefined && newest.size > 1000 && newest.duration > 0, JSON.stringify(newest));
  assert.equal((await api.data<Item>('GET', `/records/${newest.id}`)).filePath, newest.filePath);
  const download = await api.ask('GET', `/records/${newest.id}/download`);
  assert.equal(download.status, 200, http);
  assert.match(download.type, /^video\/x-flv/);
  assert.equal((await api.ask('DELETE', `/records/${newest.id}?file=true`)).status, 200);
  assert.equal((await api.ask('GET', `/records/${newest.id}`)).status, 404);
}

async function readHistory({ api }: SetUp): Promise<void> {
  interface Row {
    readonly streamPath: string;
    readonly protocol: string;
    readonly inBytes: number;
    readonly duration: number;
    readonly playCount: number;
  }
  const list = () => api.data<Listed<Row>>('GET', '/history?streamPath=/live/cam&page=1&pageSize=20');
  await eventually(async () => (await list()).count === 1, 'a row of history');
  const [row] = (await list()).items;
  assert.ok(
    row !== undefined && row.inBytes > 1000 && row.duration > 0 && row.protocol === 'rtmp',
    JSON.stringify(row),
  );
  assert.ok(row.playCount >= 2);
  assert.equal((await api.ask('DELETE', '/history?streamPath=/live/cam')).status, 200);
  assert.equal((await list()).count, 0);
}

async function changeSettings({ api, http }: SetUp): Promise<void> {
  const { auth } = await api.data<{ auth: { play: boolean; publish: boolean } }>('GET', '/config');
  assert.deepEqual([auth.play, auth.publish], [true, true]);
  const unsigned = async () => {
    const controller = new AbortController();
    const response = await fetch(`${http}/live/cam.flv`, { signal: controller.signal }).catch(() => null);
    const first = await response?.body?.getReader().read();
    controller.abort();
    return response?.status === 200 && first?.done === false;
  };
  assert.equal(await unsigned(), false);
  assert.equal((await api.ask('PUT', '/config', { auth: { play: false } })).status, 200);
  assert.equal(await unsigned(), true);
  assert.equal((await api.ask('PUT', '/config', { auth: { play: true } })).status, 200);
  assert.equal(await unsigned(), false);
}

async function changePassword({ api, user }: SetUp): Promise<void> {
  const body = { oldPassword: user.password, newPassword: 'another-house-2' };
  assert.equal((await api.ask('POST', '/password', { ...body, oldPassword: 'wrong' })).status, 400);
  assert.equal((await api.ask('POST', '/password', body)).status, 200);
  assert.equal((await api.ask('POST', '/login', { ...user })).status, 401);
  await api.signIn(user.username, body.newPassword);
}

/** Everything that such a user's encoders, players, scripts and receiver do in a day; throws where something is not as they know it. */
export async function usualDay(setUp: SetUp): Promise<void> {
  const { api, rtmp, receiver, secret, user } = setUp;
  assert.equal((await api.data<{ status: string }>('GET', '/health')).status, 'ok');
  assert.equal((await api.ask('GET', '/streams')).status, 401);
  await api.signIn(user.username, user.password);
  const info = await api.data<{ config: { record_enabled: boolean; auth_enabled: boolean } }>('GET', '/info');
  assert.equal(info.config.record_enabled, true);

  const uninvited = setUp.publish(`${rtmp}/live/cam`);
  await eventually(() => uninvited.isOver(), 'the refusal of an unsigned address');
  const banned = setUp.publish(`${rtmp}${signed('/live/banned', secret)}`);
  await eventually(() => banned.isOver(), 'the refusal by the receiver');
  assert.equal(await streamOf(api, 'cam'), undefined);

  const encoder = setUp.publish(`${rtmp}${signed('/live/cam', secret)}`);
  await eventually(async () => (await streamOf(api, 'cam'))?.publisher?.videoCodec === 7, 'the stream');
  const stream = await streamOf(api, 'cam');
  assert.equal(stream?.status, 'publishing');
  assert.equal(stream?.recording, true);
  assert.equal(stream?.publisher.protocol, 'rtmp');
  const single = await api.data<Stream>('GET', '/streams/live/cam');
  assert.equal(single.publisher.id, stream?.publisher.id);
  assert.equal((await api.ask('GET', '/streams/live/nobody')).status, 404);

  await watchAndKick(setUp);
  await playEveryAddress(setUp);
  const stats = await api.data<{ sessions: { publishers: number }; memory: { rss: number }; cpu: { user: number } }>(
    'GET',
    '/stats',
  );
  assert.ok(stats.sessions.publishers >= 1 && stats.memory.rss > 1e6 && stats.cpu.user > 0, JSON.stringify(stats));
  await recordByHand(setUp);
  await changeSettings(setUp);
  await changePassword(setUp);

  await encoder.stop();
  await eventually(() => receiver.actionsOf('cam').includes('donePublish'), 'donePublish', GRACE_MS);
  await readLibrary(setUp);
  await readHistory(setUp);

  const actions = new Set(receiver.actionsOf('cam'));
  for (const action of ['Publish', 'Play', 'Record'].flatMap((what) => [`post${what}`, `done${what}`])) {
    assert.ok(actions.has(action), action);
  }
  const published = receiver.calls.find((call) => call.action === 'donePublish' && call.name === 'cam');
  assert.ok(published !== undefined && published.inbytes > 1000 && published.endtime > published.createtime);
  assert.equal(published.app, 'live');
  const recorded = receiver.calls.find((call) => call.action === 'doneRecord');
  assert.match(recorded?.filePath ?? '', /live\/cam\/\d+\.flv$/);
}
