import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AddressList } from '../../core/address-list.ts';
import type { PreparedChange } from '../../core/change.ts';
import type { Context } from '../../core/context.ts';
import { readVersion } from '../../core/version.ts';
import { ProcessVitals } from '../../core/process-vitals.ts';
import type { Route } from '../../core/route.ts';
import type { SectionSchemas, SectionValues, Server } from '../../core/server.ts';
import type { MetricsConfig } from './config.ts';
import { MetricsPage } from './metrics-page.ts';
import { obstaclesOf } from './readiness.ts';
import { counterSamples, distributions, processSamples, stateSamples } from './samples.ts';
import { SessionCounts } from './session-counts.ts';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Rules = Pick<MetricsConfig, 'enable' | 'token'> & { readonly allow: AddressList };

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';

function rulesOf({ enable, token, allow }: MetricsConfig): Rules {
  return { enable, token, allow: new AddressList(allow) };
}

/** Takes as long whatever is given. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function text(status: number, message: string): Answer {
  return { status, type: TEXT, text: `${message}\n` };
}

function json(status: number, value: object): Answer {
  return { status, type: JSON_TYPE, text: `${JSON.stringify(value)}\n` };
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, text, headers }: Answer): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** `/metrics` for Prometheus, `/health` and `/ready` for whoever starts, stops and balances. */
export class MetricsServer implements Server {
  readonly #context: Context;
  readonly #routes: readonly Route[];
  readonly #vitals: ProcessVitals;
  readonly #sessions: SessionCounts;
  readonly #version = readVersion();
  #rules: Rules;

  constructor(context: Context, config: MetricsConfig) {
    this.#context = context;
    this.#rules = rulesOf(config);
    this.#vitals = new ProcessVitals(context);
    this.#sessions = new SessionCounts(context);
    this.#routes = [
      this.#route('/health', () => json(200, { status: 'ok' })),
      this.#route('/ready', () => this.#readiness()),
      this.#route('/metrics', (request) => this.#metrics(request)),
    ];
    context.routes.push(...this.#routes);
    this.#sessions.start();
  }

  async run(): Promise<void> {
    this.#vitals.start();
  }

  async prepare(sections: SectionValues<SectionSchemas>): Promise<PreparedChange | null> {
    const rules = rulesOf(sections['metrics'] as MetricsConfig);
    return {
      commit: () => {
        this.#rules = rules;
      },
      cancel: () => {},
    };
  }

  async stop(): Promise<void> {
    this.#vitals.stop();
    this.#sessions.stop();
    const { routes } = this.#context;
    for (const route of this.#routes) {
      const index = routes.indexOf(route);
      if (index >= 0) routes.splice(index, 1);
    }
  }

  #route(path: string, answer: (request: IncomingMessage) => Answer | null | Promise<Answer | null>): Route {
    const answerTo = async (request: IncomingMessage): Promise<Answer | null> => {
      // The application has cut the address down to what is below the path.
      if (!/^\/?(\?|$)/.test(request.url ?? '')) return null;
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      return isRead ? answer(request) : { ...text(405, 'GET is allowed.'), headers: { Allow: 'GET, HEAD' } };
    };
    const serve = async (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => {
      try {
        const given = await answerTo(request);
        if (given === null) next();
        else send(request, response, given);
      } catch (error) {
        next(error);
      }
    };
    return { path, isExact: true, handler: (request, response, next) => void serve(request, response, next) };
  }

  #readiness(): Answer {
    const reasons = obstaclesOf(this.#context);
    return reasons.length === 0 ? json(200, { status: 'ready' }) : json(503, { status: 'not ready', reasons });
  }

  /** `null`: as if nothing was there. */
  async #metrics(request: IncomingMessage): Promise<Answer | null> {
    const { enable, token, allow } = this.#rules;
    if (!enable) return null;
    const { address } = this.#context.trustedProxies.clientOf(request);
    if (!allow.isEmpty && !allow.has(address)) {
      this.#context.logger.debug(
        { ip: address },
        'metrics were asked for by an address that metrics.allow does not have',
      );
      return text(403, 'metrics.allow does not have your address.');
    }
    const [, given = ''] = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
    if (token !== '' && !isSame(given, token)) {
      return { ...text(401, 'metrics.token is needed.'), headers: { 'WWW-Authenticate': 'Bearer' } };
    }
    return { status: 200, type: MetricsPage.contentType, text: await this.#page() };
  }

  #page(): Promise<string> {
    const context = this.#context;
    const processes = [['primary', this.#vitals.read()] as const, ...context.workers];
    const isReady = obstaclesOf(context).length === 0;
    const build = { name: 'nms_build_info', labels: { version: this.#version, node: process.versions.node }, value: 1 };
    return new MetricsPage().write({
      samples: [
        build,
        ...stateSamples(context, isReady),
        ...counterSamples(context),
        ...processes.flatMap(([worker, report]) => [...processSamples(worker, report)]),
      ],
      distributions: processes.flatMap(([worker, report]) => distributions(worker, report)),
    });
  }
}
