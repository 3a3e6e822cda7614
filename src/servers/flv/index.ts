import { defineServer } from '../../core/server.ts';
import { flvSection } from './config.ts';
import { FlvServer } from './flv-server.ts';

export { FlvServer } from './flv-server.ts';

/** The line of the list: HTTP-FLV and WebSocket-FLV on the HTTP server. */
export const flv = defineServer({
  name: 'flv',
  sections: { flv: flvSection },
  create: (context, config) => new FlvServer(context, config.flv ?? flvSection.parse(undefined)),
});
