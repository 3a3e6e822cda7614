import { once } from 'node:events';
import { WebSocket } from 'ws';
import { AbsentError, ClosedError, ConnectionError, DeniedError, EndError, type NmsError } from '../errors.ts';
import type { Ending } from './ending.ts';
import { connectionFailure, httpRefusal, interrupted, readAnswer, unanswered } from './failure.ts';
import { readableText } from './readable.ts';
import type { Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';

/** Bytes of one message that may come. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Time that the peer may take to answer our close, in milliseconds. */
const FAREWELL_TIMEOUT_MS = 3000;

/** What is wanted of a WebSocket. */
export interface WebSocketRequest extends ConnectOptions {
  /** Settled when the connection is over. */
  readonly ending: Ending;
  readonly subprotocol?: string;
  /** Takes the binary messages, from the first one on. */
  readonly onMessage?: (message: Buffer) => void;
}

/** A WebSocket that is open, and how to leave it. */
export interface OpenWebSocket {
  readonly webSocket: WebSocket;
  /** Closes with 1000; resolves when the connection is gone. */
  close(reason: NmsError): Promise<void>;
}

/** RFC 6455, 7.4.1: what the peer's close code means. */
function closeReason(code: number, text: string): NmsError {
  const said = text === '' ? '' : `: ${readableText(text)}`;
  switch (code) {
    case 1000:
      return new EndError('the stream ended (WebSocket close 1000)');
    case 1001:
      return new ClosedError(`the server goes away (WebSocket close 1001)${said}`);
    case 1005:
    case 1006:
      return new EndError(`the connection closed without a word (WebSocket close ${code})`);
    case 1013:
      return new AbsentError(`refused: WebSocket close 1013${said}`);
    default:
      return new DeniedError(`refused: WebSocket close ${code}${said}`);
  }
}

/**
 * A WebSocket to the target.
 * @throws NmsError when it is refused or cannot be had; ClosedError when `signal` ends the wait.
 */
export async function openWebSocket(target: Target, request: WebSocketRequest): Promise<OpenWebSocket> {
  const { signal, insecure = false, answerTimeoutMs, ending, subprotocol, onMessage } = request;
  if (signal.aborted) throw interrupted();
  const webSocket = new WebSocket(target.url, subprotocol === undefined ? [] : [subprotocol], {
    rejectUnauthorized: !insecure,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });
  const opened = Promise.withResolvers<void>();
  const end = (reason: NmsError) => {
    ending.because(reason);
    opened.reject(ending.reason);
  };
  webSocket.on('message', (message: Buffer, isBinary: boolean) => {
    if (isBinary) onMessage?.(message);
    else end(new ConnectionError(`${target.address} sent text where FLV is binary`));
  });
  webSocket.on('open', () => opened.resolve());
  webSocket.on('unexpected-response', (request, response) => {
    readAnswer(response)
      .then((body) => end(httpRefusal(response.statusCode ?? 0, response.statusMessage ?? '', body)))
      .catch((error: unknown) => end(connectionFailure(error, target)))
      .finally(() => request.destroy());
  });
  webSocket.on('error', (error) => end(connectionFailure(error, target)));
  webSocket.on('close', (code, text) => end(closeReason(code, text.toString('utf8'))));
  const giveUp = (reason: NmsError) => {
    end(reason);
    webSocket.terminate();
  };
  const onAbort = () => giveUp(interrupted());
  const timer = setTimeout(() => giveUp(unanswered(target, 'no answer', answerTimeoutMs)), answerTimeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await opened.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
  const close = async (reason: NmsError) => {
    ending.because(reason);
    if (webSocket.readyState === WebSocket.CLOSED) return;
    const timeout = setTimeout(() => webSocket.terminate(), FAREWELL_TIMEOUT_MS);
    webSocket.close(1000);
    await once(webSocket, 'close');
    clearTimeout(timeout);
  };
  return { webSocket, close };
}
