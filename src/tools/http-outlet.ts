import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { EndError } from '../errors.ts';
import { Ending } from './ending.ts';
import { connectionFailure, httpRefusal, interrupted, readAnswer } from './failure.ts';
import { STREAM_HEADER, streamTag } from './flv-stream.ts';
import type { Outlet } from './outlet.ts';
import { openSocket } from './socket.ts';
import type { Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';

/** Time for the answer at the end of the body, in milliseconds; some servers never give one. */
const FAREWELL_TIMEOUT_MS = 3000;

/** What the peer's answer means for a body that is still being sent. */
async function receive(response: IncomingMessage, ending: Ending): Promise<void> {
  const body = await readAnswer(response);
  const { statusCode = 0, statusMessage = '' } = response;
  if (statusCode >= 200 && statusCode < 300) ending.because(new EndError('the server ended the stream'));
  else ending.because(httpRefusal(statusCode, statusMessage, body));
}

function watch(request: ClientRequest, target: Target, ending: Ending): void {
  let isAnswered = false;
  request.on('response', (response) => {
    isAnswered = true;
    receive(response, ending).catch((error: unknown) => ending.because(connectionFailure(error, target)));
  });
  // A server that refuses stops reading: the answer that came before the broken pipe tells more.
  request.on('error', (error) => {
    if (!isAnswered) ending.because(connectionFailure(error, target));
  });
  request.on('close', () => {
    if (!isAnswered) ending.because(new EndError(`${target.address} closed the connection`));
  });
}

/** Publishes FLV as the endless body of a POST. Whether it is accepted shows when nothing comes back. */
export async function openHttpOutlet(target: Target, options: ConnectOptions): Promise<Outlet> {
  const socket = await openSocket(target, options);
  if (options.signal.aborted) {
    socket.destroy();
    throw interrupted();
  }
  const ending = new Ending();
  const request = (target.isSecure ? requestHttps : requestHttp)({
    method: 'POST',
    host: target.host,
    path: target.path + target.query,
    headers: { Host: target.address, 'Content-Type': 'video/x-flv', 'Transfer-Encoding': 'chunked' },
    createConnection: () => socket,
  });
  watch(request, target, ending);
  request.write(STREAM_HEADER);
  return {
    ending,
    get pending() {
      return request.writableLength + socket.writableLength;
    },
    send: (kind, timestampMs, body) => {
      if (ending.reason === null) request.write(streamTag(kind, timestampMs, body));
    },
    finish: async () => {
      if (ending.reason === null) {
        const timeout = setTimeout(() => request.destroy(), FAREWELL_TIMEOUT_MS);
        request.end();
        await ending.settled;
        clearTimeout(timeout);
      }
      request.destroy();
      if (!socket.closed) await once(socket, 'close');
    },
  };
}
