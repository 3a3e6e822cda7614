import { connect, type Socket } from 'node:net';
import type { StreamPath } from '../../core/stream-path.ts';
import {
  AbsentError,
  ClosedError,
  ConnectionError,
  DeniedError,
  EndError,
  type NmsError,
  TimeoutError,
} from '../../errors.ts';
import { encodeHello } from '../../protocols/inner/inner-frames.ts';
import type { InnerLimits } from '../../protocols/inner/inner-limits.ts';
import { type InnerFrame, InnerReader } from '../../protocols/inner/inner-reader.ts';

/** A connection to the process that has a stream, which has said yes; paused. */
export interface InnerLink {
  readonly socket: Socket;
  readonly reader: InnerReader;
}

export interface InnerLinkOptions {
  /** Where the process that has the stream listens. */
  readonly path: string;
  readonly token: string;
  readonly streamPath: StreamPath;
  /** For the connection and the answer. */
  readonly timeoutMs: number;
  readonly limits: InnerLimits;
  readonly signal: AbortSignal;
}

/**
 * Asks for a stream.
 * @throws AbsentError when that process does not have it, DeniedError for a wrong token, ConnectionError, TimeoutError,
 * ProtocolError, ClosedError when aborted.
 */
export function openLink(options: InnerLinkOptions): Promise<InnerLink> {
  return new Promise((resolve, reject) => {
    const { signal, timeoutMs } = options;
    const socket = connect(options.path);
    const reader = new InnerReader('puller', options.limits);
    const fail = (error: unknown) => {
      done();
      // What else goes wrong with it is of no interest.
      socket.on('error', () => {});
      socket.destroy();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const onError = (error: Error) => fail(new ConnectionError('the process cannot be reached', { cause: error }));
    const onClose = () => fail(new ConnectionError('the process closed the connection'));
    const onAbort = () => fail(new ClosedError('the stream is not wanted any more'));
    const onTimeout = () => fail(new TimeoutError('limits.handshakeTimeoutMs', `no answer within ${timeoutMs} ms`));
    const onData = (chunk: Buffer) => {
      try {
        reader.push(chunk);
        const answer = reader.next();
        if (answer === null) return;
        if (answer.type === 'refuse') throw refusal(answer);
        socket.pause();
        done();
        resolve({ socket, reader });
      } catch (error) {
        fail(error);
      }
    };
    const timer = setTimeout(onTimeout, timeoutMs);
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose).off('data', onData);
    };
    signal.addEventListener('abort', onAbort);
    socket.on('error', onError).on('close', onClose).on('data', onData);
    socket.write(encodeHello({ token: options.token, path: options.streamPath }));
  });
}

type Reason = Extract<InnerFrame, { readonly code: string }>;

function refusal({ code, message }: Reason): NmsError {
  return code === 'NMS_DENIED' ? new DeniedError(message) : new AbsentError(message);
}

/** Why the stream is over, as its own publisher's process says. Never a reason to wait for him: that was done there. */
export function endReason({ code, message }: Reason): NmsError {
  return code === 'NMS_CLOSED' ? new ClosedError(message) : new EndError(message);
}
