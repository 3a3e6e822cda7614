import { defineServer } from '../../core/server.ts';
import { httpSection, httpsSection } from './config.ts';
import { HttpServer } from './http-server.ts';

export { createApplication } from './application.ts';
export { HttpServer } from './http-server.ts';

/** The line of the list: the HTTP and HTTPS listeners. A section that is absent opens no door. */
export const http = defineServer({
  name: 'http',
  sections: { http: httpSection, https: httpsSection },
  create: (context, { http, https }) => new HttpServer(context, { http, https }),
});
