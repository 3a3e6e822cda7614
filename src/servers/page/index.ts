import { defineServer } from '../../core/server.ts';
import { staticSection } from './config.ts';
import { PageServer } from './page-server.ts';

export { PageServer } from './page-server.ts';

/** The line of the list: the page at `/`, and a folder of files. */
export const page = defineServer({
  name: 'page',
  sections: { static: staticSection },
  create: (context, config) => new PageServer(context, config.static),
});
