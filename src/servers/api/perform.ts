import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { ApiError } from './api-error.ts';
import type { Asked, Operation } from './operation.ts';
import { readBody } from './read-body.ts';
import { sendJson, writeJson } from './send-json.ts';
import type { Bearer, Tokens } from './tokens.ts';
import type { OpenAnswers } from './open-answers.ts';

/** Of a request, unless its operation says otherwise. */
const MAX_BODY_BYTES = 16 * 1024;

/** What operations are performed with. */
export interface Performer {
  readonly tokens: Tokens;
  readonly openAnswers: OpenAnswers;
  /** Bodies of answers that many get, by what was handed over for them. */
  readonly sharedBodies: WeakMap<object, Buffer>;
}

function headerToken(request: Request): string | null {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

/** Who asks. @throws ApiError UNAUTHORIZED, FORBIDDEN */
async function authenticate(operation: Operation, request: Request, tokens: Tokens): Promise<Bearer> {
  const { token } = request.query;
  const fromHeader = headerToken(request);
  const isInQuery = fromHeader === null && operation.isTokenInQuery === true && typeof token === 'string';
  const bearer = isInQuery ? await tokens.verify(token, ['events']) : await tokens.verify(fromHeader, ['access']);
  if (operation.access === 'admin' && bearer.user.role !== 'admin') {
    throw new ApiError('FORBIDDEN', 'The role "admin" is needed.');
  }
  return bearer;
}

function fit(schema: z.ZodType | undefined, part: string, value: unknown): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  if (value === undefined) throw new ApiError('BAD_REQUEST', `The ${part} is missing; JSON is expected.`);
  const { path = [], message = '' } = result.error.issues[0] ?? {};
  throw new ApiError('BAD_REQUEST', [part, path.join('.'), message].filter((text) => text !== '').join(' '));
}

function askedOf(operation: Operation, request: Request, response: Response): Asked<unknown, unknown, unknown> {
  const bearer = response.locals['bearer'] as Bearer | undefined;
  return {
    params: fit(operation.params, 'path', request.params),
    query: fit(operation.query, 'query', request.query),
    body: fit(operation.body, 'body', request.body),
    user: bearer?.user ?? null,
    claims: bearer?.claims ?? null,
    ip: request.ip ?? '',
    request,
    response,
  };
}

/** What a handler made, as its schema has it. @throws ApiError INTERNAL */
function fitted({ id }: Operation, schema: z.ZodType, found: unknown): unknown {
  const fitting = schema.safeParse(found);
  if (fitting.success) return fitting.data;
  const cause = new Error(`${id} made what its schema does not allow`, { cause: fitting.error });
  throw new ApiError('INTERNAL', 'The server failed; its log says more.', { cause });
}

async function answer(
  operation: Operation,
  asked: Asked<unknown, unknown, unknown>,
  performer: Performer,
): Promise<void> {
  const { response, claims } = asked;
  const { answer: how } = operation;
  if (how.kind === 'json') {
    const found: unknown = await how.handle(asked);
    const body = how.isShared === true ? performer.sharedBodies.get(found as object) : undefined;
    if (body !== undefined) {
      sendJson(response, how.status ?? 200, body);
      return;
    }
    const made = writeJson({ success: true, data: fitted(operation, how.data, found), message: how.message });
    if (how.isShared === true) performer.sharedBodies.set(found as object, made);
    sendJson(response, how.status ?? 200, made);
    return;
  }
  if (asked.request.method === 'HEAD' && how.contentType === 'text/event-stream') {
    response.type(how.contentType).end();
    return;
  }
  if (claims !== null) performer.openAnswers.add(response, claims);
  await how.respond(asked);
}

/** The steps that a request for an operation goes through. */
export function stepsOf(operation: Operation, performer: Performer): RequestHandler[] {
  const enter: RequestHandler = async (request, response, next) => {
    operation.limit?.(request.ip ?? '', response);
    if (operation.access !== 'open') {
      response.locals['bearer'] = await authenticate(operation, request, performer.tokens);
    }
    next();
  };
  const perform: RequestHandler = (request, response) =>
    answer(operation, askedOf(operation, request, response), performer);
  const body = operation.body === undefined ? [] : [readBody(operation.maxBodyBytes ?? MAX_BODY_BYTES)];
  return [enter, ...body, perform];
}
