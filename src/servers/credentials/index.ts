import { defineServer } from '../../core/server.ts';
import { CredentialsServer } from './credentials-server.ts';

/** The line of the list: signed addresses, tokens, stream keys, users and passwords. Before all others that add guards. */
export const credentials = defineServer({
  name: 'credentials',
  sections: {},
  create: (context) => new CredentialsServer(context),
});
