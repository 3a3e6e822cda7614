import { z } from 'zod';

/** The `static` section. */
export const staticSection = z
  .strictObject({
    router: z
      .string()
      .regex(/^\/[^?#]*$/, 'a path that begins with "/"')
      .describe('the address below which the files are found (/files)'),
    root: z.string().min(1).describe('the folder of the files'),
  })
  .optional()
  .describe('a folder of files served over HTTP');

export type StaticConfig = z.output<typeof staticSection>;
