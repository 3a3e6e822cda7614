import { defineServer } from '../../core/server.ts';
import { ApiServer } from './api-server.ts';

export { ApiServer } from './api-server.ts';

/** The line of the list: the REST API. There is none without a secret for its tokens and somebody to sign in. */
export const api = defineServer({
  name: 'api',
  sections: {},
  create: (context) => {
    const { secret, users } = context.config.auth.jwt;
    return secret === '' || users.length === 0 ? null : new ApiServer(context);
  },
});
