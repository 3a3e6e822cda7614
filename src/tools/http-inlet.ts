import { once } from 'node:events';
import { type IncomingMessage, get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { EndError } from '../errors.ts';
import { Ending } from './ending.ts';
import { connectionFailure, httpRefusal, interrupted, readAnswer, unanswered } from './failure.ts';
import { FlvInput } from './flv-input.ts';
import type { Inlet, InletListener } from './inlet.ts';
import { openSocket } from './socket.ts';
import type { Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';

/** Plays HTTP-FLV. Redirects are told, not followed. */
export async function openHttpInlet(target: Target, options: ConnectOptions, listener: InletListener): Promise<Inlet> {
  const socket = await openSocket(target, options);
  const request = (target.isSecure ? getHttps : getHttp)({
    host: target.host,
    path: target.path + target.query,
    headers: { Host: target.address },
    createConnection: () => socket,
  });
  const answered = Promise.withResolvers<IncomingMessage>();
  const ending = new Ending();
  request.on('response', (response) => answered.resolve(response));
  request.on('error', (error) => {
    ending.because(connectionFailure(error, target));
    answered.reject(connectionFailure(error, target));
  });
  const { answerTimeoutMs, signal } = options;
  const onAbort = () => answered.reject(interrupted());
  const onTimeout = () => answered.reject(unanswered(target, 'no answer', answerTimeoutMs));
  const timer = setTimeout(onTimeout, answerTimeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const response = await answered.promise;
    const { statusCode = 0, statusMessage = '', headers } = response;
    if (statusCode !== 200) {
      const place = headers.location === undefined ? '' : ` to ${headers.location}`;
      throw httpRefusal(statusCode, statusMessage + place, await readAnswer(response));
    }
    const input = new FlvInput(target, ending, listener);
    response.on('data', (chunk: Buffer) => input.push(chunk));
    response.on('end', () => input.end());
    response.on('error', (error) => ending.because(connectionFailure(error, target)));
  } catch (error) {
    request.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
  const close = async () => {
    ending.because(new EndError('we closed the connection'));
    request.destroy();
    if (!socket.closed) await once(socket, 'close');
  };
  return { ending, close };
}
