import { openHttpOutlet } from './http-outlet.ts';
import type { Outlet } from './outlet.ts';
import { openRtmpOutlet } from './rtmp-outlet.ts';
import type { Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';
import { openWebSocketOutlet } from './websocket-outlet.ts';

/** Connects and begins to publish. Throws NmsError when the peer cannot be reached or refuses. */
export function openOutlet(target: Target, options: ConnectOptions): Promise<Outlet> {
  switch (target.scheme) {
    case 'rtmp':
    case 'rtmps':
      return openRtmpOutlet(target, options);
    case 'http':
    case 'https':
      return openHttpOutlet(target, options);
    case 'ws':
    case 'wss':
      return openWebSocketOutlet(target, options);
  }
}
