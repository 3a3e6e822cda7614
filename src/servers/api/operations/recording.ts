import { z } from 'zod';
import type { Context } from '../../../core/context.ts';
import type { Recorder } from '../../../core/recorder.ts';
import type { StreamPath } from '../../../core/stream-path.ts';
import { AbsentError, BusyError, RecordError } from '../../../errors.ts';
import { ApiError } from '../api-error.ts';
import { type Operation, operation } from '../operation.ts';
import { streamParams } from './stream-params.ts';

type StreamParams = z.output<typeof streamParams>;

const recordId = z.string().describe('of the recording');
const filePath = z.string().describe('its file, relative to the folder of recordings');
const startTime = z.number().int().describe('when it began, in unix milliseconds');

const pathOf = ({ app, name }: StreamParams): StreamPath => `/${app}/${name}`;

/** Scripts for Node-Media-Server 4 know these texts, and that they come with 400. */
function refused(message: string, cause?: unknown): ApiError {
  return new ApiError('BAD_REQUEST', message, { cause });
}

const NO_RECORDER = 'Record path is not configured or not writable';

function recorderOf({ recorder }: Context): Recorder {
  if (recorder === null) throw refused(NO_RECORDER);
  return recorder;
}

/** Begins, shows and ends the recording of one stream. */
export function recordingOperations(context: Context): Operation[] {
  return [
    operation({
      id: 'getStreamRecording',
      method: 'get',
      path: '/streams/{app}/{name}/record',
      tag: 'Streams',
      summary: 'Says whether a stream is being recorded.',
      access: 'viewer',
      params: streamParams,
      data: z.object({
        recording: z.boolean(),
        recordId: recordId.optional(),
        filePath: filePath.optional(),
        startTime: startTime.optional(),
      }),
      message: 'Recording state',
      handle: ({ params }) => {
        const recording = recorderOf(context).current(pathOf(params));
        if (recording === null) return { recording: false };
        const { id, filePath: path, startTime: begun } = recording;
        return { recording: true, recordId: id, filePath: path, startTime: begun };
      },
    }),
    operation({
      id: 'startStreamRecording',
      method: 'post',
      path: '/streams/{app}/{name}/record',
      tag: 'Streams',
      summary: 'Begins to record a stream that is being published.',
      access: 'admin',
      params: streamParams,
      data: z.object({ recordId, filePath, startTime }),
      message: 'Recording started',
      handle: async ({ params }) => {
        const streamPath = pathOf(params);
        try {
          const recording = await recorderOf(context).start(streamPath);
          return { recordId: recording.id, filePath: recording.filePath, startTime: recording.startTime };
        } catch (error) {
          if (error instanceof AbsentError) throw refused('Stream is not publishing', error);
          if (error instanceof BusyError) throw refused('Stream is already recording', error);
          if (!(error instanceof RecordError)) throw error;
          context.logger.warn({ err: error, stream: streamPath }, 'a recording could not be started');
          throw refused(NO_RECORDER, error);
        }
      },
    }),
    operation({
      id: 'stopStreamRecording',
      method: 'delete',
      path: '/streams/{app}/{name}/record',
      tag: 'Streams',
      summary: 'Ends the recording of a stream; the stream goes on.',
      access: 'admin',
      params: streamParams,
      data: z.object({
        recordId,
        filePath,
        duration: z.number().describe('milliseconds of media'),
        size: z.number().int().describe('bytes of the file'),
      }),
      message: 'Recording stopped',
      handle: async ({ params }) => {
        try {
          const { id, filePath: path, duration, size } = await recorderOf(context).stop(pathOf(params));
          return { recordId: id, filePath: path, duration, size };
        } catch (error) {
          if (error instanceof AbsentError) throw refused('Stream is not recording', error);
          throw error;
        }
      },
    }),
  ];
}
