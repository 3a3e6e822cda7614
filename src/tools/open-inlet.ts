import { openHttpInlet } from './http-inlet.ts';
import type { Inlet, InletListener } from './inlet.ts';
import { openRtmpInlet } from './rtmp-inlet.ts';
import type { Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';
import { openWebSocketInlet } from './websocket-inlet.ts';

/** Connects and begins to play. Throws NmsError when the peer cannot be reached or refuses. */
export function openInlet(target: Target, options: ConnectOptions, listener: InletListener): Promise<Inlet> {
  switch (target.scheme) {
    case 'rtmp':
    case 'rtmps':
      return openRtmpInlet(target, options, listener);
    case 'http':
    case 'https':
      return openHttpInlet(target, options, listener);
    case 'ws':
    case 'wss':
      return openWebSocketInlet(target, options, listener);
  }
}
