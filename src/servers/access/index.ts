import { defineServer } from '../../core/server.ts';
import { AccessServer } from './access-server.ts';
import { accessSection } from './config.ts';

export { AccessServer } from './access-server.ts';

/** The line of the list: who may publish and play, by address. */
export const access = defineServer({
  name: 'access',
  sections: { access: accessSection },
  create: (context, config) => new AccessServer(context, config.access ?? accessSection.parse({})),
});
