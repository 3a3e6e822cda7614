import { EndError } from '../errors.ts';
import { Ending } from './ending.ts';
import { STREAM_HEADER, streamTag } from './flv-stream.ts';
import type { Outlet } from './outlet.ts';
import type { Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';
import { openWebSocket } from './websocket.ts';

/** Publishes FLV over a WebSocket: one message per tag, with the subprotocol that says "I send". */
export async function openWebSocketOutlet(target: Target, options: ConnectOptions): Promise<Outlet> {
  const ending = new Ending();
  const { webSocket, close } = await openWebSocket(target, { ...options, ending, subprotocol: 'publisher' });
  webSocket.send(STREAM_HEADER);
  return {
    ending,
    get pending() {
      return webSocket.bufferedAmount;
    },
    send: (kind, timestampMs, body) => {
      if (ending.reason === null) webSocket.send(streamTag(kind, timestampMs, body));
    },
    finish: () => close(new EndError('we closed the connection')),
  };
}
