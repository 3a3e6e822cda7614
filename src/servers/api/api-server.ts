import { Router } from 'express';
import type { RequestHandler } from 'express';
import type { PreparedChange } from '../../core/change.ts';
import type { Context } from '../../core/context.ts';
import type { Route } from '../../core/route.ts';
import type { SectionSchemas, SectionValues, Server } from '../../core/server.ts';
import { readVersion } from '../../core/version.ts';
import { Accounts } from './accounts.ts';
import { ApiError } from './api-error.ts';
import { type ApiConfig, apiSection } from './config.ts';
import { createDocsPage } from './docs-page.ts';
import { answerError, shownPath } from './error-answer.ts';
import { allowOrigins, apiHeaders } from './headers.ts';
import { describeApi } from './openapi.ts';
import { OpenAnswers } from './open-answers.ts';
import type { Operation } from './operation.ts';
import { createOperations } from './operations/index.ts';
import { stepsOf } from './perform.ts';
import { Rates } from './rates.ts';
import { RefusalLog } from './refusal-log.ts';
import { TokenFamilies } from './token-families.ts';
import { Tokens } from './tokens.ts';

/** What Express takes for the client's address; behind a proxy of ours it is what that says. */
function nameClient(context: Context): RequestHandler {
  return (request, _response, next) => {
    const { address } = context.trustedProxies.clientOf(request);
    Object.defineProperty(request, 'ip', { value: address, configurable: true });
    next();
  };
}

const notFound: RequestHandler = (request) => {
  throw new ApiError('NOT_FOUND', `There is no ${request.method} ${shownPath(request)}.`);
};

/** Answers OPTIONS, and refuses the methods that a path does not take. */
function otherMethods(operations: readonly Operation[]): RequestHandler {
  const methods = new Set(operations.map(({ method }) => method.toUpperCase()));
  if (methods.has('GET')) methods.add('HEAD');
  const allow = [...methods, 'OPTIONS'].join(', ');
  return (request, response) => {
    response.set('Allow', allow);
    if (request.method === 'OPTIONS') {
      response.status(204).end();
      return;
    }
    throw new ApiError('METHOD_NOT_ALLOWED', `${request.method} is not allowed here; ${allow} are.`);
  };
}

/** The REST API under `/api/v1`, and the page about it at `/api/docs`. */
export class ApiServer implements Server {
  /** Everything that can be asked, for the OpenAPI document and the reference. */
  readonly operations: readonly Operation[];
  readonly version = readVersion();
  readonly #context: Context;
  readonly #rates: Rates;
  readonly #families: TokenFamilies;
  readonly #openAnswers: OpenAnswers;
  readonly #log: RefusalLog;
  readonly #tokens: Tokens;
  readonly #routes: readonly Route[];
  #config: ApiConfig;
  #document: string | null = null;
  #stopTicking: (() => void) | null = null;

  constructor(context: Context, config: ApiConfig) {
    this.#context = context;
    this.#rates = new Rates(context);
    this.#log = new RefusalLog(context.logger);
    this.#families = new TokenFamilies(context.store, context.logger);
    this.#tokens = new Tokens(context, this.#families);
    this.#openAnswers = new OpenAnswers(this.#tokens);
    this.operations = createOperations(context, {
      rates: this.#rates,
      accounts: new Accounts(context, this.#tokens, this.#families),
      version: this.version,
      document: () => (this.#document ??= JSON.stringify(describeApi(this.operations, this.version))),
    });
    this.#config = config;
    this.#routes = [
      { path: '/api/v1', handler: this.#createRouter() as unknown as Route['handler'] },
      { path: '/api/docs', handler: this.#createDocsRouter() as unknown as Route['handler'] },
    ];
    context.routes.push(...this.#routes);
  }

  async run(): Promise<void> {
    this.#families.open();
    this.#stopTicking ??= this.#context.ticker.add(() => {
      this.#rates.sample();
      this.#log.tick();
      this.#openAnswers.check();
      this.#families.sweep(Date.now());
    });
  }

  async prepare(sections: SectionValues<SectionSchemas>): Promise<PreparedChange> {
    const config = apiSection.parse(sections['api']);
    return {
      commit: () => {
        this.#config = config;
      },
      cancel: () => {},
    };
  }

  async stop(): Promise<void> {
    this.#stopTicking?.();
    this.#stopTicking = null;
    this.#families.close();
    for (const route of this.#routes) {
      const index = this.#context.routes.indexOf(route);
      if (index >= 0) this.#context.routes.splice(index, 1);
    }
  }

  #createDocsRouter(): Router {
    const router = Router();
    const page = createDocsPage();
    router.use((request, response, next) => {
      if (this.#config.docs) page(request, response, next);
      else next();
    });
    return router;
  }

  #createRouter(): Router {
    const router = Router();
    const origins = allowOrigins(() => this.#config.cors);
    router.use(nameClient(this.#context), ...apiHeaders(), origins);
    const performer = {
      tokens: this.#tokens,
      openAnswers: this.#openAnswers,
      sharedBodies: new WeakMap<object, Buffer>(),
    };
    for (const [path, operations] of Map.groupBy(this.operations, (operation) => operation.path)) {
      const route = router.route(path.replace(/\{(\w+)\}/g, ':$1'));
      for (const operation of operations) route[operation.method](stepsOf(operation, performer));
      route.all(otherMethods(operations));
    }
    router.use(notFound);
    router.use(answerError(this.#log));
    return router;
  }
}
