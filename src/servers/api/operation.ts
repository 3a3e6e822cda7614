import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Claims } from './claims.ts';
import type { ApiErrorCode } from './error-codes.ts';

/** Who may ask: anybody, whoever has signed in, administrators. */
export type Access = 'open' | 'viewer' | 'admin';

/** Who asks. */
export interface ApiUser {
  readonly username: string;
  readonly role: 'admin' | 'viewer';
}

/** A request whose parts fit their schemas. */
export interface Asked<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** `null` only where `access` is `open`. */
  readonly user: ApiUser | null;
  /** What the token said; `null` as `user`. */
  readonly claims: Claims | null;
  /** The client's address; behind a trusted proxy what that says. */
  readonly ip: string;
  readonly request: Request;
  readonly response: Response;
}

/** What can be asked of the API: routes, checks, the OpenAPI document and the reference all come from these. */
export interface Operation {
  /** Its name in the OpenAPI document: `listStreams`. */
  readonly id: string;
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Below `/api/v1`, as OpenAPI writes it: `/streams/{app}/{name}`. */
  readonly path: string;
  /** The group it is shown in: `Streams`. */
  readonly tag: string;
  /** One sentence. */
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  /** May the token stand in the address (`?token=`), because a browser cannot set a header there? */
  readonly isTokenInQuery?: boolean;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** Of the body; 16 KiB without. */
  readonly maxBodyBytes?: number;
  /** Called first of all, before anything of the request is looked at. @throws ApiError when there were too many. */
  readonly limit?: (ip: string, response: Response) => void;
  /** What it answers with beside those of its kind: 400, 413 and 415 of its input, 401, 403 of an `admin`’s, 500. */
  readonly errors?: readonly ApiErrorCode[];
  readonly answer: Answer;
}

/** JSON in the envelope `{success, data, message}`; or something else, which `respond` writes by itself. */
export type Answer =
  | {
      readonly kind: 'json';
      /** Of `data`. */
      readonly data: z.ZodType;
      readonly message: string;
      /** 200 without. */
      readonly status?: number;
      /** Does `handle` give the very same object as long as nothing in it has changed? It is checked and written once then. */
      readonly isShared?: boolean;
      handle(asked: Asked<unknown, unknown, unknown>): unknown;
    }
  | {
      readonly kind: 'raw';
      readonly contentType: string;
      respond(asked: Asked<unknown, unknown, unknown>): void | Promise<void>;
    };

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

interface Described<Params, Query, Body> extends Omit<Operation, 'answer' | 'params' | 'query' | 'body'> {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
}

/** An operation that answers with JSON; `handle` gets what the schemas made of the request and returns `data`. */
export function operation<
  Data extends z.ZodType,
  Params extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
>(
  description: Described<Params, Query, Body> & {
    readonly data: Data;
    readonly message: string;
    readonly status?: number;
    readonly isShared?: boolean;
    handle(asked: Asked<Output<Params>, Output<Query>, Output<Body>>): z.input<Data> | Promise<z.input<Data>>;
  },
): Operation {
  const { data, message, status, isShared, handle, ...rest } = description;
  const answer = {
    kind: 'json',
    data,
    message,
    ...(status === undefined ? {} : { status }),
    ...(isShared === undefined ? {} : { isShared }),
    handle,
  } as Answer;
  return { ...rest, answer } as unknown as Operation;
}

/** An operation that writes its answer itself: events, files. */
export function rawOperation<
  Params extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
>(
  description: Described<Params, Query, undefined> & {
    readonly contentType: string;
    respond(asked: Asked<Output<Params>, Output<Query>, undefined>): void | Promise<void>;
  },
): Operation {
  const { contentType, respond, ...rest } = description;
  return { ...rest, answer: { kind: 'raw', contentType, respond } as Answer } as unknown as Operation;
}
