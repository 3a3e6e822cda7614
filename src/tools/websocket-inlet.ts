import { EndError } from '../errors.ts';
import { Ending } from './ending.ts';
import { FlvInput } from './flv-input.ts';
import type { Inlet, InletListener } from './inlet.ts';
import type { Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';
import { openWebSocket } from './websocket.ts';

/** Plays FLV over a WebSocket. */
export async function openWebSocketInlet(
  target: Target,
  options: ConnectOptions,
  listener: InletListener,
): Promise<Inlet> {
  const ending = new Ending();
  const input = new FlvInput(target, ending, listener);
  const { close } = await openWebSocket(target, { ...options, ending, onMessage: (message) => input.push(message) });
  return { ending, close: () => close(new EndError('we closed the connection')) };
}
