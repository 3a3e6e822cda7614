import { z } from 'zod';
import { addressRanges } from '../../core/config.ts';
import { parseStreamAddress } from '../../core/stream-path.ts';
import { NmsError } from '../../errors.ts';

/** Is it an app as addresses name it: `live`, `a/b`, without slashes at its ends? */
function isApp(text: string): boolean {
  try {
    parseStreamAddress(text, 'name');
    return true;
  } catch (error) {
    if (error instanceof NmsError) return false;
    throw error;
  }
}

const APP_WORDS = 'under the name of an app as addresses have it, such as "live" or "a/b", it';

const addressRule = z
  .strictObject({
    allow: addressRanges('addresses and ranges that may; empty: all'),
    deny: addressRanges('addresses and ranges that may not, also when `allow` has them'),
  })
  .describe('who may, by address');

/** The `access` section. */
export const accessSection = z
  .strictObject({
    publish: addressRule.prefault({}).describe('who may publish, by address'),
    play: addressRule.prefault({}).describe('who may play, by address'),
    apps: z
      .record(z.string(), z.strictObject({ publish: addressRule.optional(), play: addressRule.optional() }))
      .superRefine((apps, context) => {
        for (const app of Object.keys(apps)) {
          if (!isApp(app)) context.addIssue({ code: 'custom', path: [app], message: APP_WORDS });
        }
      })
      .default({})
      .describe(
        'rules of single apps, `{"live": {"publish": {"allow": […], "deny": […]}}}`, in place of the general one',
      ),
  })
  .prefault({})
  .describe('who may publish and play, by address');

export type AddressRule = z.output<typeof addressRule>;
export type AccessConfig = z.output<typeof accessSection>;
