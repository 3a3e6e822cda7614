import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BroadcastServer } from '../../core/broadcast-server.ts';
import type { CoreConfig } from '../../core/config.ts';
import { Context } from '../../core/context.ts';
import { allow } from '../../core/decision.ts';
import { Deadline } from '../../core/deadline.ts';
import { House } from '../../core/house.ts';
import type { Server, ServerDefinition } from '../../core/server.ts';
import type { StreamPath } from '../../core/stream-path.ts';
import { ClosedError } from '../../errors.ts';
import { applicationProxy } from './application-proxy.ts';
import { decodeError, encodeError } from './error-data.ts';
import { forwardingLogger } from './forwarding-logger.ts';
import { HandedDoors } from './handed-doors.ts';
import type { CreateInnerSource, InnerSource } from './inner-source.ts';
import type { ConfigureMessage, LogLevel, Pass, StartMessage, StreamPlace, ToPrimary, ToWorker } from './messages.ts';
import { Questions } from './questions.ts';
import { RemoteRegistry } from './remote-registry.ts';
import { SessionReports } from './session-reports.ts';
import { streamsSettled } from './settled.ts';

/** What the worker's file puts into the house: servers do not know each other. */
export interface WorkerParts {
  /** The built-in servers, of which the primary names those that run here. */
  readonly definitions: readonly ServerDefinition[];
  /** Serves the streams of this worker to the others. */
  createInnerServer(context: Context, options: { readonly path: string; readonly token: string }): Server;
  readonly createInnerSource: CreateInnerSource;
  send(message: ToPrimary): void;
}

/** One worker: the media servers on a Context of their own, whose decisions are made by the primary. */
export class WorkerHouse {
  readonly #send: (message: ToPrimary) => void;
  readonly #context: Context;
  readonly #house: House;
  readonly #doors: HandedDoors;
  readonly #questions = new Questions<Pass | null>();
  readonly #registry: RemoteRegistry;
  readonly #source: InnerSource;
  readonly #runFolder: string | null;
  readonly #levels: LogLevel[];
  /** Connections wait for what is to come first: the servers, a new configuration. */
  #readiness: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | null = null;

  constructor(start: StartMessage, parts: WorkerParts) {
    const { send } = parts;
    this.#send = send;
    this.#runFolder = start.runFolder;
    this.#levels = [...start.levels];
    const logger = forwardingLogger(send, this.#levels);
    const context = new Context(start.config as unknown as CoreConfig, logger, start.folder);
    this.#context = context;
    this.#doors = new HandedDoors(start, send, (message) => {
      return this.#questions.ask((question) => send(message(question)));
    });
    this.#registry = new RemoteRegistry(start.worker, send, this.#questions);
    context.doors = this.#doors;
    context.registry = this.#registry;
    context.elsewhere = this.#registry.elsewhere;
    context.observer = new SessionReports(context, send);
    context.application = applicationProxy({ path: start.applicationPath, token: start.token, logger });
    // Addresses of the primary's application are no streams.
    for (const path of start.routes) context.routes.push({ path, handler: context.application });
    this.#askPrimary();
    for (const place of start.directory) this.#registry.learn(place);
    const { innerPath: path, token } = start;
    const inner = parts.createInnerServer(context, { path, token });
    this.#source = parts.createInnerSource(context, {
      token,
      locate: (streamPath) => this.#registry.locate(streamPath),
    });
    context.sources.push(this.#source);
    const servers = parts.definitions
      .filter(({ name }) => start.servers.includes(name))
      .flatMap((definition) => definition.create(context, start.config as never) ?? []);
    this.#house = new House(context, [inner, ...servers]);
  }

  /** Opens the servers and says so. */
  async run(): Promise<void> {
    const opening = this.#house.open();
    this.#readiness = opening.catch(() => undefined);
    await opening;
    this.#send({ kind: 'ready' });
  }

  /** Resolves when this was the message to end with, and everything has ended. */
  async take(message: ToWorker, socket: Socket | undefined): Promise<boolean> {
    switch (message.kind) {
      case 'socket':
        await this.#readiness;
        this.#doors.welcome(message.door, message.socket, socket);
        break;
      case 'configure':
        this.#readiness = this.#configure(message, this.#readiness);
        await this.#readiness;
        break;
      case 'answer':
        this.#questions.answer(message.question, message.error, message.pass);
        break;
      case 'mayYield':
        await this.#answer(message.question, () => this.#broadcast(message.streamPath)?.defendPlace());
        break;
      case 'yield':
        await this.#answer(message.question, () => this.#broadcast(message.streamPath)?.yieldPlace(message.by));
        break;
      case 'close':
        this.#context.sessions.get(message.session)?.close(decodeError(message.reason));
        break;
      case 'announced':
        this.#learn(message.place);
        break;
      case 'released':
        this.#registry.forget(message.streamPath, message.worker);
        break;
      case 'certificate':
        this.#doors.change(message.door, message.pair);
        break;
      case 'closeDoors':
        await this.#answer(message.question, () => this.#house.closeDoors(new Deadline(message.timeoutMs)));
        break;
      case 'endPublishers':
        await this.#answer(message.question, () => this.#house.endPublishers(stopReason()));
        break;
      case 'drain':
        await this.#answer(message.question, () => this.#drain(new Deadline(message.timeoutMs)));
        break;
      case 'stop':
        await this.#stop();
        return true;
    }
    return false;
  }

  /** The primary is gone without a word: removes what it cannot remove any more. */
  abandon(): void {
    if (this.#runFolder !== null) rmSync(this.#runFolder, { recursive: true, force: true });
  }

  #askPrimary(): void {
    this.#context.signIn = async ({ id: session }, query) => {
      const pass = await this.#questions.ask((question) => {
        this.#send({ kind: 'signIn', question, session, query: { ...query } });
      });
      return pass?.user ?? '';
    };
    this.#context.guards.push(async (session, action) => {
      const pass = await this.#questions.ask((question) => {
        const { id, userAgent, streamApp: app, streamName: name, streamHost: host, streamQuery } = session;
        const address = { path: session.streamPath as StreamPath, app, name };
        const target = { address, host, query: { ...streamQuery } };
        this.#send({ kind: 'asked', question, session: id, action, userAgent, target });
      });
      if (pass === null) return allow();
      session.user = pass.user;
      return { allow: true, limits: pass.limits, ...(pass.redirect === null ? {} : { redirect: pass.redirect }) };
    });
  }

  #broadcast(streamPath: StreamPath): BroadcastServer | undefined {
    return this.#context.broadcasts.get(streamPath);
  }

  async #answer(question: number, decide: () => void | Promise<void>): Promise<void> {
    // A claim that was granted in the same breath takes its place first: then there is something to defend.
    await nextTurn();
    try {
      await decide();
      this.#send({ kind: 'answer', question, error: null });
    } catch (error) {
      this.#send({ kind: 'answer', question, error: encodeError(error) });
    }
  }

  async #configure(message: ConfigureMessage, before: Promise<void>): Promise<void> {
    await before;
    await this.#answer(message.question, async () => {
      this.#levels.splice(0, this.#levels.length, ...message.levels);
      this.#doors.learn(message);
      const change = await this.#house.prepare(message.config, message.config as unknown as CoreConfig);
      await change.commit();
    });
  }

  #learn(place: StreamPlace): void {
    if (this.#registry.learn(place)) this.#source.appeared(place.streamPath);
  }

  #stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #drain(deadline: Deadline): Promise<void> {
    await streamsSettled(this.#context, (streamPath) => this.#registry.locate(streamPath) === null);
    await this.#house.drain(stopReason(), deadline);
  }

  async #end(): Promise<void> {
    this.#source.stop();
    await this.#house.close(stopReason(), new Deadline(0));
  }
}

function stopReason(): ClosedError {
  return new ClosedError('the server is stopping');
}
