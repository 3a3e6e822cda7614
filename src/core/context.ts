import { EventEmitter } from 'node:events';
import type { RequestListener } from 'node:http';
import { resolve } from 'node:path';
import type { Guard } from './admission.ts';
import type { BroadcastHost, BroadcastServer } from './broadcast-server.ts';
import type { CoreConfig } from './config.ts';
import type { Configuration } from './configuration.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { Counters } from './counters.ts';
import { type Doors, OwnDoors } from './doors.ts';
import type { ServerEvents } from './events.ts';
import { FlushTimes } from './flush-times.ts';
import type { History } from './history.ts';
import { Load } from './load.ts';
import type { Listener } from './listener.ts';
import type { LiveStream } from './live-stream.ts';
import type { Logger } from './logger.ts';
import type { ProcessReport } from './process-vitals.ts';
import type { Recorder } from './recorder.ts';
import type { MediaRoute, Route } from './route.ts';
import type { Session, SessionId, SessionObserver } from './session.ts';
import type { SignIn } from './sign-in.ts';
import type { Source } from './source.ts';
import { Store } from './store.ts';
import type { StreamPath } from './stream-path.ts';
import type { StreamRegistry } from './stream-registry.ts';
import type { Advice } from './stream-statistics.ts';
import { Ticker } from './ticker.ts';
import { TrustedProxies } from './trusted-proxies.ts';
import { Turns } from './turns.ts';

/** Everything one `NodeMediaServer` knows. Two servers in a process have two of these and never meet. */
export class Context implements BroadcastHost {
  readonly sessions = new Map<SessionId, Session>();
  readonly broadcasts = new Map<StreamPath, BroadcastServer>();
  readonly eventEmitter = new EventEmitter<ServerEvents>();
  readonly guards: Guard[] = [];
  readonly mediaRoutes: MediaRoute[] = [];
  readonly routes: Route[] = [];
  /** Who is asked for a stream that nobody publishes here. */
  readonly sources: Source[] = [];
  /** Who knows what other processes publish; `null`: there are none. */
  registry: StreamRegistry | null = null;
  /** Who is believed when he says for whom he connects. */
  readonly trustedProxies: TrustedProxies;
  /** Asks RTMP connections for user and password; `null`: nobody has one. */
  signIn: SignIn | null = null;
  readonly connections: ConnectionLimits;
  readonly ticker = new Ticker();
  readonly load = new Load();
  readonly turns = new Turns();
  readonly counters = new Counters();
  /** What somebody measures when it is asked for, by the name of its metric. */
  readonly gauges = new Map<string, () => number>();
  readonly flushTimes = new FlushTimes();
  /** What the workers said last of their processes, by number. */
  readonly workers = new Map<string, ProcessReport>();
  /** Each says why the server is not ready to serve, if it knows a reason. */
  readonly obstacles: (() => readonly string[])[] = [];
  /** What is wrong with streams that are live, for those who ask. */
  readonly advice = new Map<StreamPath, readonly Advice[]>();
  /** Who writes streams to files; `null`: nobody. */
  recorder: Recorder | null = null;
  /** What was published and played; `null`: nobody writes it down. */
  history: History | null = null;
  /** Shows and changes the configuration; `null`: nobody can. */
  configuration: Configuration | null = null;
  /** What is kept on disk; closed until a part of the server needs it. */
  readonly store: Store;
  #config: CoreConfig;
  readonly logger: Logger;
  /** The folder that relative paths of the configuration start from. */
  readonly folder: string;
  /** Every stream of the server: those of this process, or of all its workers. */
  streams: ReadonlyMap<StreamPath, LiveStream> = this.broadcasts;
  /** In a worker: the streams that another worker has. */
  elsewhere: { has(streamPath: StreamPath): boolean } | null = null;
  doors: Doors;
  observer: SessionObserver | null = null;
  /** Answers HTTP requests that are no media, in place of `routes`; `null`: `routes` do. */
  application: RequestListener | null = null;
  /** All doors are open, and everything runs. */
  isOpen = false;
  /** Doors are closing: nobody new is let in, and no publisher's place is kept. */
  isStopping = false;
  /** Aborts when publishers have been ended and doors close: what would keep a connection for ever ends by itself then. */
  readonly closing = new AbortController();
  /** The doors that are open now. */
  listeners: () => readonly Listener[] = () => [];

  constructor(config: CoreConfig, logger: Logger, folder: string) {
    this.#config = config;
    this.logger = logger;
    this.folder = folder;
    this.doors = new OwnDoors(logger);
    const { path, durability } = config.store;
    this.store = new Store({ folder: resolve(folder, path), durability, logger });
    this.trustedProxies = new TrustedProxies(config.trustedProxies);
    this.connections = new ConnectionLimits(config.limits, this.trustedProxies, (cause) => {
      this.counters.count('connections_refused', cause);
    });
    this.eventEmitter.setMaxListeners(0);
  }

  /** What is in force now. It is replaced as a whole when it changes: read it where it is used, and keep no part of it. */
  get config(): CoreConfig {
    return this.#config;
  }

  /** For whoever changes the configuration of the whole house, in every process of it. */
  configure(config: CoreConfig): void {
    this.#config = config;
    this.trustedProxies.change(config.trustedProxies);
    this.connections.change(config.limits);
  }
}
