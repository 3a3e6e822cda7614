import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BroadcastServer } from '../../src/core/broadcast-server.ts';
import type { CoreConfigInput } from '../../src/core/config.ts';
import type { Context } from '../../src/core/context.ts';
import { type Player, Session } from '../../src/core/session.ts';
import { parseStreamUrlPath, type StreamPath } from '../../src/core/stream-path.ts';
import type { StreamRegistry } from '../../src/core/stream-registry.ts';
import type { Subscription } from '../../src/core/subscription.ts';
import { ClosedError } from '../../src/errors.ts';
import { packets } from '../../src/media/format.ts';
import type { AVPacket } from '../../src/media/packet.ts';
import { InnerServer, InnerSource } from '../../src/servers/inner/index.ts';
import { FakeSession, type LogLine, makeContext } from './house.ts';

/** A player that keeps the packets it gets. */
export class PacketPlayer extends Session implements Player<AVPacket> {
  readonly format = packets;
  readonly received: AVPacket[] = [];
  readonly ends: Error[] = [];
  returned = 0;
  subscription: Subscription<AVPacket> | null = null;

  constructor(context: Context, path: StreamPath) {
    super(context, { protocol: 'rtmp', ip: '127.0.0.1:1', address: '127.0.0.1' });
    this.setTarget({ address: parseStreamUrlPath(path), host: 'test', query: {} });
  }

  send(units: readonly AVPacket[]): void {
    this.received.push(...units);
  }

  onStreamEnd(reason: Error): void {
    this.ends.push(reason);
  }

  onStreamStart(): void {
    this.returned++;
  }

  protected release(): void {}

  /** The payloads that came since the last call, in one text. */
  take(): string {
    return this.received
      .splice(0)
      .map(({ data }) => data.toString())
      .join('');
  }
}

/** One process of a server, in this process. */
export interface House {
  readonly name: string;
  readonly context: Context;
  readonly lines: LogLine[];
  readonly events: string[];
  readonly server: InnerServer;
  readonly source: InnerSource;
  readonly socketPath: string;
  readonly calls: string[];
  broadcast(path?: StreamPath): BroadcastServer;
  publish(path?: StreamPath): Promise<FakeSession>;
  play(path?: StreamPath): Promise<PacketPlayer>;
}

export interface StreetOptions {
  readonly config?: CoreConfigInput;
  readonly lingerMs?: number;
  readonly token?: string;
}

/** Several houses with one directory of who has which stream, as the processes of one server have it. */
export class Street implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'inner-'));
  readonly houses: House[] = [];
  readonly holders = new Map<StreamPath, House>();
  readonly announced = new Map<StreamPath, House>();
  readonly #options: StreetOptions;

  private constructor(options: StreetOptions) {
    this.#options = options;
  }

  static async of(names: readonly string[], options: StreetOptions = {}): Promise<Street> {
    const street = new Street(options);
    for (const name of names) {
      const house = street.#build(name);
      street.houses.push(house);
      await house.server.run();
    }
    return street;
  }

  house(name: string): House {
    const house = this.houses.find((candidate) => candidate.name === name);
    if (house === undefined) throw new Error(`no house ${name}`);
    return house;
  }

  #build(name: string): House {
    const lines: LogLine[] = [];
    const events: string[] = [];
    const calls: string[] = [];
    const context = makeContext(this.#options.config, lines);
    const token = this.#options.token ?? 'secret';
    const socketPath = join(this.folder, name);
    for (const event of ['prePublish', 'postPublish', 'donePublish', 'prePlay', 'postPlay', 'donePlay'] as const) {
      context.eventEmitter.on(event, () => void events.push(event));
    }
    const broadcast = (path: StreamPath = '/live/a') => BroadcastServer.of(context, path);
    const house: House = {
      name,
      context,
      lines,
      events,
      calls,
      socketPath,
      server: new InnerServer({ context, path: socketPath, token }),
      source: new InnerSource({
        context,
        token,
        locate: (path) => {
          const owner = this.announced.get(path);
          return owner === undefined || owner === house ? null : owner.socketPath;
        },
        ...(this.#options.lingerMs === undefined ? {} : { lingerMs: this.#options.lingerMs }),
      }),
      broadcast,
      publish: async (path: StreamPath = '/live/a') => {
        const session = new FakeSession(context, path);
        await broadcast(path).postPublish(session);
        return session;
      },
      play: async (path: StreamPath = '/live/a') => {
        const player = new PacketPlayer(context, path);
        const subscription = await broadcast(path).postPlay(player);
        player.subscription = subscription;
        subscription.start();
        return player;
      },
    };
    context.sources.push(house.source);
    context.registry = this.#registryOf(house);
    return house;
  }

  #registryOf(house: House): StreamRegistry {
    return {
      claim: async (path, session) => {
        house.calls.push(`claim ${path}`);
        await new Promise((resolve) => setImmediate(resolve));
        const holder = this.holders.get(path);
        if (holder !== undefined && holder !== house) holder.context.broadcasts.get(path)?.yieldPlace(session.ip);
        this.holders.set(path, house);
      },
      announce: (path) => {
        house.calls.push(`announce ${path}`);
        this.announced.set(path, house);
        for (const other of this.houses) if (other !== house) setImmediate(() => other.source.appeared(path));
      },
      release: (path) => {
        house.calls.push(`release ${path}`);
        if (this.holders.get(path) === house) this.holders.delete(path);
        if (this.announced.get(path) === house) this.announced.delete(path);
      },
    };
  }

  /** The house is gone as if its process had died: nobody is told anything, its streams are free. */
  async kill(house: House): Promise<void> {
    this.forget(house);
    await house.server.stop();
  }

  /** Nobody knows any more of what the house has. */
  forget(house: House): void {
    for (const map of [this.holders, this.announced]) {
      for (const [path, holder] of map) if (holder === house) map.delete(path);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const reason = new ClosedError('the server is stopping');
    for (const { context, server, source } of this.houses) {
      context.isStopping = true;
      source.stop();
      for (const broadcast of [...context.broadcasts.values()]) broadcast.endGrace(reason);
      for (const session of [...context.sessions.values()]) session.close(reason);
      await server.stop();
      context.ticker.stop();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
