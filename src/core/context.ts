import { EventEmitter } from 'node:events';
import type { Guard } from './admission.ts';
import type { BroadcastHost, BroadcastServer } from './broadcast-server.ts';
import type { CoreConfig } from './config.ts';
import { ConnectionLimits } from './connection-limits.ts';
import type { ServerEvents } from './events.ts';
import type { Logger } from './logger.ts';
import type { MediaRoute, Route } from './route.ts';
import type { Session, SessionId } from './session.ts';
import type { StreamPath } from './stream-path.ts';
import { Ticker } from './ticker.ts';

/** Everything one `NodeMediaServer` knows. Two servers in a process have two of these and never meet. */
export class Context implements BroadcastHost {
  readonly sessions = new Map<SessionId, Session>();
  readonly broadcasts = new Map<StreamPath, BroadcastServer>();
  readonly eventEmitter = new EventEmitter<ServerEvents>();
  readonly guards: Guard[] = [];
  readonly mediaRoutes: MediaRoute[] = [];
  readonly routes: Route[] = [];
  readonly connections: ConnectionLimits;
  readonly ticker = new Ticker();
  readonly config: CoreConfig;
  readonly logger: Logger;
  /** The folder that relative paths of the configuration start from. */
  readonly folder: string;
  /** Doors are closing: nobody new is let in, and no publisher's place is kept. */
  isStopping = false;

  constructor(config: CoreConfig, logger: Logger, folder: string) {
    this.config = config;
    this.logger = logger;
    this.folder = folder;
    this.connections = new ConnectionLimits(config.limits);
    this.eventEmitter.setMaxListeners(0);
  }
}
