import { defineServer } from '../../core/server.ts';
import { staticSection } from './config.ts';
import { PageServer } from './page-server.ts';

export { PageServer } from './page-server.ts';

/** The line of the list: the page at `/`, and a folder of files. */
export const page = defineServer({
  name: 'page',
  sections: { static: staticSection },
  create: (context, config) => {
    const { webadmin } = context.config;
    return webadmin.enable || config.static !== undefined ? new PageServer(context, config.static) : null;
  },
});
