import { type Operation, rawOperation } from '../operation.ts';

/** The description of the API itself. */
export function documentOperations(document: () => string): Operation[] {
  return [
    rawOperation({
      id: 'getOpenApi',
      method: 'get',
      path: '/openapi.json',
      tag: 'Server',
      summary: 'Describes this API: the OpenAPI 3.1 document.',
      access: 'open',
      contentType: 'application/json',
      respond: ({ response }) => {
        response.type('json').end(document());
      },
    }),
  ];
}
