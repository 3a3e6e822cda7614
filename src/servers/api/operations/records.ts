import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Context } from '../../../core/context.ts';
import type { Recorder, Recording } from '../../../core/recorder.ts';
import { BusyError } from '../../../errors.ts';
import { ApiError } from '../api-error.ts';
import { type Operation, operation, rawOperation } from '../operation.ts';
import { flag, moment, order, pagedQuery, pageFacts, windowOf, word } from '../paging.ts';
import type { Rates } from '../rates.ts';

const recordSchema = z
  .object({
    id: z.string(),
    streamPath: z.string().describe('/app/name'),
    app: z.string(),
    name: z.string(),
    filePath: z.string().describe('relative to the folder of recordings'),
    publisherId: z.string().describe('the session whose publish it began with'),
    startTime: z.number().int().describe('when it began, in unix milliseconds'),
    endTime: z.number().int().describe('when it ended, in unix milliseconds; 0 while it goes on'),
    duration: z.number().describe('milliseconds of media'),
    size: z.number().int().describe('bytes of the file'),
    status: z
      .enum(['recording', 'done', 'repaired', 'failed'])
      .describe('repaired: found unfinished at a start, and closed then; failed: ended by an error'),
    reason: z.string().describe('why it failed; else ""'),
  })
  .describe('a recording');

const params = z.object({ id: z.string().min(1).max(64).describe('of the recording') });

const query = z
  .object({
    streamPath: word('only those of this stream: /app/name'),
    search: word('only those whose stream contains this; upper and lower case alike'),
    status: z.enum(['recording', 'done', 'repaired', 'failed']).optional().describe('only those in this state'),
    start: moment('start', 'begun then or later: unix milliseconds, or a date'),
    end: moment('end', 'begun then or earlier; a date without a time includes its whole day'),
    sort: z.enum(['startTime', 'duration', 'size', 'streamPath']).default('startTime').describe('by what'),
    order: order('desc'),
    ...pagedQuery,
  })
  .refine(({ start, end }) => start === undefined || end === undefined || start <= end, {
    message: 'start must not be later than end',
  });

const GOES_ON = 'Recording in progress; stop the stream first';

function recorderOf({ recorder }: Context): Recorder {
  if (recorder === null) throw new ApiError('UNAVAILABLE', 'Record path is not configured or not writable');
  return recorder;
}

function find(recorder: Recorder, id: string): Recording {
  const recording = recorder.find(id);
  if (recording === null) throw new ApiError('NOT_FOUND', 'Record not found');
  return recording;
}

/** `live-test-1764000000000.flv`: what the file is called where it is saved. */
export function downloadName({ app, name, filePath }: Recording): string {
  return `${app}-${name}-${basename(filePath)}`.replaceAll(/[^\p{L}\p{M}\p{N}._~-]/gu, '-');
}

/** Asks for all of a file that is shorter than the end that was asked for (RFC 9110, 14.1.2); `send` would refuse. */
async function fitSuffix({ headers }: Request, file: string): Promise<void> {
  const length = /^bytes=-(\d+)$/.exec(headers.range ?? '')?.[1];
  if (length === undefined) return;
  const found = await stat(file).catch(() => null);
  if (found !== null && Number(length) > found.size && found.size > 0) headers.range = 'bytes=0-';
}

/** Sends the file, or the part of it that was asked for; resolves when it is sent or the reader has gone. */
function send(request: Request, response: Response, recording: Recording, file: string): Promise<void> {
  response.attachment(downloadName(recording));
  response.type('video/x-flv');
  return new Promise((resolve, reject) => {
    const options = { root: dirname(file), dotfiles: 'allow', cacheControl: false } as const;
    response.sendFile(basename(file), options, (error?: Error & { readonly status?: number }) => {
      if (error === undefined || error === null || response.headersSent || request.destroyed) resolve();
      else reject(asApiError(error, response));
    });
  });
}

function asApiError(error: Error & { readonly status?: number }, response: Response): ApiError {
  response.removeHeader('Content-Disposition');
  if (error.status === 416) {
    const range = 'headers' in error ? (error.headers as Readonly<Record<string, string>>)['Content-Range'] : undefined;
    const headers = range === undefined ? {} : { 'Content-Range': range };
    return new ApiError('RANGE_NOT_SATISFIABLE', 'The file has no such part.', { headers, cause: error });
  }
  if (error.status === 412) return new ApiError('PRECONDITION_FAILED', 'The file is another one.', { cause: error });
  return new ApiError('NOT_FOUND', 'Recording file not found on disk', { cause: error });
}

/** The recordings that there are. */
export function recordOperations(context: Context, _rates: Rates): Operation[] {
  return [
    operation({
      id: 'listRecords',
      method: 'get',
      path: '/records',
      tag: 'Recordings',
      summary: 'Lists recordings, the newest first.',
      access: 'viewer',
      query,
      errors: ['UNAVAILABLE'],
      data: z.object({
        items: z.array(recordSchema),
        count: z.number().int().describe('of all pages'),
        ...pageFacts,
        totalDuration: z.number().describe('milliseconds of media, of all pages'),
        totalSize: z.number().int().describe('bytes, of all pages'),
      }),
      message: 'Recordings retrieved successfully',
      handle: ({ query: { streamPath, search, status, start, end, sort, order: direction, ...page } }) => {
        const found = recorderOf(context).list({
          ...(streamPath === undefined ? {} : { streamPath: streamPath as `/${string}/${string}` }),
          ...(search === undefined ? {} : { search }),
          ...(status === undefined ? {} : { status }),
          ...(start === undefined ? {} : { start }),
          ...(end === undefined ? {} : { end }),
          sort,
          order: direction,
          ...windowOf(page),
        });
        return { ...found, items: [...found.items], ...page };
      },
    }),
    operation({
      id: 'getRecord',
      method: 'get',
      path: '/records/{id}',
      tag: 'Recordings',
      summary: 'Shows one recording.',
      access: 'viewer',
      params,
      errors: ['NOT_FOUND', 'UNAVAILABLE'],
      data: recordSchema,
      message: 'Recording retrieved successfully',
      handle: ({ params: { id } }) => find(recorderOf(context), id),
    }),
    rawOperation({
      id: 'downloadRecord',
      method: 'get',
      path: '/records/{id}/download',
      tag: 'Recordings',
      summary: 'Sends the file of a recording that is over; parts of it with Range.',
      access: 'viewer',
      params,
      errors: ['NOT_FOUND', 'CONFLICT', 'RANGE_NOT_SATISFIABLE', 'PRECONDITION_FAILED', 'UNAVAILABLE'],
      contentType: 'video/x-flv',
      respond: async ({ params: { id }, request, response }) => {
        const recorder = recorderOf(context);
        const recording = find(recorder, id);
        if (recording.status === 'recording') throw new ApiError('CONFLICT', GOES_ON);
        const file = recorder.locate(recording);
        if (file === null) throw new ApiError('NOT_FOUND', 'Recording file not found on disk');
        await fitSuffix(request, file);
        await send(request, response, recording, file);
      },
    }),
    operation({
      id: 'removeRecord',
      method: 'delete',
      path: '/records/{id}',
      tag: 'Recordings',
      summary: 'Forgets a recording that is over, and with file=true removes its file.',
      access: 'admin',
      params,
      query: z.object({ file: flag('remove the file, too') }),
      errors: ['NOT_FOUND', 'CONFLICT', 'UNAVAILABLE'],
      data: z.object({ id: z.string(), fileDeleted: z.boolean().describe('was the file to be removed, too?') }),
      message: 'Record removed',
      handle: async ({ params: { id }, query: { file }, user }) => {
        const recorder = recorderOf(context);
        const { streamPath } = find(recorder, id);
        try {
          await recorder.remove(id, { file });
        } catch (error) {
          if (error instanceof BusyError) throw new ApiError('CONFLICT', GOES_ON, { cause: error });
          throw error;
        }
        context.logger.info({ by: user?.username, record: id, stream: streamPath, file }, 'recording removed');
        return { id, fileDeleted: file };
      },
    }),
  ];
}
