import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeMediaServerConfig, Session } from '../../src/index.ts';
import { bodies } from './media.ts';
import { RtmpPeer } from './rtmp-peer.ts';
import { type RunningServer, startServer } from './server.ts';
import { until } from './wait.ts';

/** The events of a server, in the order in which they were told: `postPublish 51234 /live/a`, by the peer's port. */
export interface ToldEvent {
  readonly name: string;
  readonly session: Session;
}

const EVENTS = ['prePublish', 'postPublish', 'donePublish', 'prePlay', 'postPlay', 'donePlay'] as const;

/** A server of several workers in which a test knows who is where. */
export class Cluster implements AsyncDisposable {
  readonly running: RunningServer;
  readonly told: ToldEvent[] = [];
  readonly folder: string;
  readonly #sockets: Socket[] = [];
  /** Of peers, also of those that have left. */
  readonly #ports = new WeakMap<RtmpPeer, number>();

  private constructor(running: RunningServer, folder: string) {
    this.running = running;
    this.folder = folder;
    for (const name of EVENTS) running.server.on(name, (session) => void this.told.push({ name, session }));
  }

  /** @param prepare puts what the configuration names into the folder */
  static async start(
    config: NodeMediaServerConfig = {},
    prepare?: (folder: string) => Promise<void>,
  ): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'nms-cluster-'));
    await prepare?.(folder);
    return new Cluster(await startServer({ workers: 2, ...config }, folder), folder);
  }

  get context() {
    return this.running.server.context;
  }

  get sessions(): Session[] {
    return [...this.context.sessions.values()];
  }

  port(name: 'rtmp' | 'rtmps' | 'http' | 'https'): number {
    return this.running.port(name);
  }

  /** The worker that a session lives in, as the log tells. */
  workerOf(session: Session): number {
    const line = this.running.lines.find(
      ({ message, fields }) => message === 'session created' && fields['session'] === session.id,
    );
    return Number(line?.fields['worker']);
  }

  /** The process of a worker: the newest that serves under this number. */
  pidOf(worker: number): number {
    const lines = this.running.lines.filter(({ message }) => message === `worker ${worker} serves`);
    return Number(lines.at(-1)?.fields['pid']);
  }

  /** The session that appears while `open` runs, and what that returned. */
  async arrival<Result>(open: () => Result): Promise<{ readonly result: Result; readonly session: Session }> {
    const known = new Set(this.sessions.map(({ id }) => id));
    const result = open();
    const find = () => this.sessions.find(({ id }) => !known.has(id));
    await until(() => find() !== undefined, 'a new session');
    return { result, session: find()! };
  }

  /** A connection that does nothing but count: the next one goes elsewhere. */
  async fill(): Promise<Socket> {
    const socket = connect(this.port('rtmp'), '127.0.0.1');
    this.#sockets.push(socket);
    socket.on('error', () => undefined);
    await this.arrival(() => socket);
    return socket;
  }

  async publish(path = '/live/a', options: { readonly localAddress?: string } = {}): Promise<RtmpPeer> {
    return this.#enter(new RtmpPeer('publish', path, { port: this.port('rtmp'), ...options })).started();
  }

  async play(path = '/live/a'): Promise<RtmpPeer> {
    const peer = this.playLater(path);
    return peer.started();
  }

  /** A player that is not waited for. */
  playLater(path = '/live/a'): RtmpPeer {
    return this.#enter(new RtmpPeer('play', path, { port: this.port('rtmp') }));
  }

  #enter(peer: RtmpPeer): RtmpPeer {
    this.#sockets.push(peer.socket);
    peer.socket.once('connect', () => this.#ports.set(peer, peer.socket.localPort ?? 0));
    return peer;
  }

  /** The session of a peer, also of one that has left but was told of. */
  sessionOf(peer: RtmpPeer): Session {
    const end = `:${this.#ports.get(peer)}`;
    const session = [...this.sessions, ...this.told.map((event) => event.session)].find(({ ip }) => ip.endsWith(end));
    if (session === undefined) throw new Error(`no session of port ${end}`);
    return session;
  }

  /** The worker that a peer is in. */
  workerOfPeer(peer: RtmpPeer): number {
    return this.workerOf(this.sessionOf(peer));
  }

  /** The names of the events of one session. */
  toldOf(session: Session): string[] {
    return this.told.filter((event) => event.session.id === session.id).map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.running.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Headers and one group of pictures; returns the bodies of what players get of it. */
export function beginStream(publisher: RtmpPeer, ms = 0, label = 'first'): Buffer[] {
  const key = bodies.key(`${label} key`);
  publisher.send('data', ms, bodies.metadata);
  publisher.send('audio', ms, bodies.aacConfig);
  publisher.send('video', ms, bodies.avcConfig);
  publisher.send('video', ms, key);
  return [bodies.aacConfig, bodies.avcConfig, key];
}

/** Does the process still run? */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
