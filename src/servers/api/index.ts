import { defineServer } from '../../core/server.ts';
import { ApiServer } from './api-server.ts';
import { apiSection } from './config.ts';

export { ApiServer } from './api-server.ts';
export { apiErrorCodes } from './error-codes.ts';
export { describeApi } from './openapi.ts';

/** The line of the list: the REST API. There is none without a secret for its tokens and somebody to sign in. */
export const api = defineServer({
  name: 'api',
  sections: { api: apiSection },
  effects: { api: 'now' },
  create: (context, { api: config }) => {
    const { secret, users } = context.config.auth.jwt;
    if (secret === '' || users.length === 0 || config === undefined) return null;
    return new ApiServer(context, config);
  },
});
