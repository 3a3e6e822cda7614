import { defineServer } from '../../core/server.ts';
import { notifySection } from './config.ts';
import { NotifyServer } from './notify-server.ts';

export { NotifyServer } from './notify-server.ts';
export { payloadJsonSchema } from './payload.ts';

/** The line of the list: webhooks. Without somebody to call it does nothing, until there is. */
export const notify = defineServer({
  name: 'notify',
  sections: { notify: notifySection },
  create: (context, { notify: config }) => new NotifyServer(context, config ?? notifySection.parse({})),
});
