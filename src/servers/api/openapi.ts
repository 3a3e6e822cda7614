import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { type ApiErrorCode, apiErrorCodes } from './error-codes.ts';
import type { Operation } from './operation.ts';

const DESCRIPTION = `Answers are JSON: \`{success: true, data, message}\`, or \`{success: false, code, message, error}\`, where \`code\` is for
programs and \`error\` repeats \`message\`. Sign in with \`POST /login\` and send the token as \`Authorization: Bearer …\`.
A \`viewer\` reads, an \`admin\` may do everything.`;

const ACCESS = {
  open: 'Open to everybody.',
  viewer: 'For every user.',
  admin: 'For users with the role `admin`.',
} as const;

const SECURITY = { bearer: 'bearer', events: 'eventsToken' } as const;

/** Every code that an operation may answer with, in the order of their status. */
export function errorCodesOf(operation: Operation): ApiErrorCode[] {
  const { access, params, query, body, errors = [] } = operation;
  const codes = new Set<ApiErrorCode>(errors);
  if (params !== undefined || query !== undefined || body !== undefined) codes.add('BAD_REQUEST');
  if (access !== 'open') codes.add('UNAUTHORIZED');
  if (access === 'admin') codes.add('FORBIDDEN');
  if (body !== undefined) codes.add('TOO_LARGE').add('UNSUPPORTED');
  codes.add('INTERNAL');
  const order = Object.keys(apiErrorCodes);
  return [...codes].sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

/** The envelope of an answer that is a success. */
export function envelopeOf(data: z.ZodType, message: string) {
  return z.object({ success: z.literal(true), data, message: z.string().meta({ example: message }) });
}

/** The answer of an error, with one of these codes. */
export function refusalOf(codes: readonly ApiErrorCode[]) {
  return z.object({
    success: z.literal(false),
    code: z.enum(codes),
    message: z.string().describe('for people'),
    error: z.string().describe('the same as `message`'),
  });
}

function refusals(operation: Operation): ZodOpenApiResponsesObject {
  const byStatus = Map.groupBy(errorCodesOf(operation), (code) => apiErrorCodes[code].status);
  const responses = [...byStatus].map(([status, codes]) => {
    const description = codes.map((code) => `\`${code}\`: ${apiErrorCodes[code].when}`).join('; ');
    return [String(status), { description, content: { 'application/json': { schema: refusalOf(codes) } } }];
  });
  return Object.fromEntries(responses) as ZodOpenApiResponsesObject;
}

function success({ answer, summary }: Operation): ZodOpenApiResponsesObject {
  if (answer.kind === 'raw') return { '200': { description: summary, content: { [answer.contentType]: {} } } };
  const { status = 200, data, message } = answer;
  const schema = envelopeOf(data, message);
  return { [String(status) as '200']: { description: message, content: { 'application/json': { schema } } } };
}

function security({ access, isTokenInQuery }: Operation): ZodOpenApiOperationObject['security'] {
  if (access === 'open') return [];
  return [{ [SECURITY.bearer]: [] }, ...(isTokenInQuery === true ? [{ [SECURITY.events]: [] }] : [])];
}

function describe(operation: Operation): ZodOpenApiOperationObject {
  const { id, tag, summary, description = '', access, params, query, body } = operation;
  const requestParams = {
    ...(params === undefined ? {} : { path: params as z.ZodObject }),
    ...(query === undefined ? {} : { query: query as z.ZodObject }),
  };
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: `${description}${description === '' ? '' : '\n\n'}${ACCESS[access]}`,
    security: security(operation) ?? [],
    ...(Object.keys(requestParams).length === 0 ? {} : { requestParams }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: { ...success(operation), ...refusals(operation) },
  };
}

/** The OpenAPI 3.1 document of these operations. */
export function describeApi(operations: readonly Operation[], version: string): ReturnType<typeof createDocument> {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  }
  const document: ZodOpenApiObject = {
    openapi: '3.1.0',
    info: { title: 'Node Media Server', version, description: DESCRIPTION },
    // Relative to the document, so that it is right wherever the API is mounted.
    servers: [{ url: '../v1' }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    components: {
      securitySchemes: {
        [SECURITY.bearer]: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'the token of `POST /login` or `POST /refresh`',
        },
        [SECURITY.events]: {
          type: 'apiKey',
          in: 'query',
          name: 'token',
          description: 'the token of `POST /events/token`, for a browser’s EventSource',
        },
      },
    },
    paths,
  };
  return createDocument(document, {
    // Answers may get more fields, and clients that are made from the document must not stumble over them.
    override: ({ jsonSchema, io }) => {
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
}
