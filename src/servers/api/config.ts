import { z } from 'zod';

/** `https://example.com:8443`, as a browser writes it into `Origin`; or `*`. */
function isOrigin(text: string): boolean {
  return (
    text === '*' || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text)
  );
}

/** The `api` section. */
export const apiSection = z
  .strictObject({
    cors: z
      .array(z.string().refine(isOrigin, 'an origin (https://example.com) or *'))
      .default([])
      .describe('origins whose pages may use the API from a browser, or * for all; empty: none but its own'),
    docs: z.boolean().default(true).describe('serve the page about the API at /api/docs'),
  })
  .prefault({})
  .describe('the REST API; it is there when `auth.jwt` has a secret and users');

export type ApiConfig = z.output<typeof apiSection>;
