import { defineServer } from '../../core/server.ts';
import { notifySection } from './config.ts';
import { NotifyServer } from './notify-server.ts';

export { NotifyServer } from './notify-server.ts';
export { payloadJsonSchema } from './payload.ts';

/** The line of the list: webhooks. There is nothing to do without somebody to call. */
export const notify = defineServer({
  name: 'notify',
  sections: { notify: notifySection },
  create: (context, { notify: config }) => {
    if (config === undefined || (config.url === '' && config.targets.length === 0)) return null;
    return new NotifyServer(context, config);
  },
});
