import { z } from 'zod';
import { MAX_APP_PARTS, MAX_NAME_LENGTH } from '../../core/stream-path.ts';

/** Entries of one page at most; who asks for more gets as many. */
export const MAX_PAGE_SIZE = 100;
const DEFAULT_PAGE_SIZE = 20;
/** Entries of a list that is asked for without pages. */
export const MAX_LISTED = 10_000;
/** Characters of one word of a query: as many as a stream's path may have, some of them two units of UTF-16. */
const MAX_TEXT_LENGTH = (MAX_APP_PARTS + 1) * (MAX_NAME_LENGTH + 1) * 2;
/** Milliseconds of a day, which a date without a time means the whole of when something is to end with it. */
const DAY_MS = 24 * 60 * 60 * 1000;

/** Beyond it offsets could no longer be counted exactly. */
const MAX_PAGE = Math.floor(Number.MAX_SAFE_INTEGER / MAX_LISTED);

const pageNumber = z.coerce
  .number()
  .int()
  .max(MAX_PAGE)
  .transform((page) => Math.max(1, page));

/** A size that makes no sense is the default; one that is too large, the largest. */
const pageSize = z.coerce
  .number()
  .int()
  .transform((size) => (size < 1 ? DEFAULT_PAGE_SIZE : Math.min(size, MAX_PAGE_SIZE)));

/** What is shown of them; what lies outside is brought within. */
const pageMeta = { description: 'which page, from 1', minimum: 1, maximum: MAX_PAGE };
const sizeMeta = { description: 'entries of a page', minimum: 1, maximum: MAX_PAGE_SIZE };

/** Parameters of a list that always comes in pages. */
export const pagedQuery = {
  page: pageNumber.default(1).meta({ ...pageMeta, default: 1 }),
  pageSize: pageSize.default(DEFAULT_PAGE_SIZE).meta({ ...sizeMeta, default: DEFAULT_PAGE_SIZE }),
};

/** Parameters of a list that comes as a whole unless a page is asked for. */
export const optionalPageQuery = {
  page: pageNumber.optional().meta({
    ...pageMeta,
    description: `which page, from 1; without page and pageSize the first ${MAX_LISTED} entries come`,
  }),
  pageSize: pageSize.optional().meta(sizeMeta),
};

/** What every list answers beside its entries. */
export const pageFacts = {
  page: z.number().int().describe('the page, from 1'),
  pageSize: z.number().int().describe('the most entries that this page could have'),
};

/** An optional word of a query; an empty one is none. */
export const word = (help: string) =>
  z
    .string()
    .max(MAX_TEXT_LENGTH)
    .transform((text) => (text === '' ? undefined : text))
    .optional()
    .describe(help);

/** `true` or `false`. */
export const flag = (help: string) =>
  z
    .enum(['true', 'false', '1', '0', ''])
    .transform((text) => text === 'true' || text === '1')
    .default(false)
    .describe(help);

export const order = (fallback: 'asc' | 'desc') =>
  z.enum(['asc', 'desc']).default(fallback).describe('upwards or downwards');

/** A moment: unix milliseconds, a date or a date with a time. `end`: a date alone means the whole of its day. */
export const moment = (edge: 'start' | 'end', help: string) =>
  z
    .string()
    .max(64)
    .transform((text, check) => {
      if (text === '') return undefined;
      const time = /^\d{10,16}$/.test(text) ? Number(text) : Date.parse(text);
      if (Number.isNaN(time)) {
        check.addIssue({ code: 'custom', message: 'not a time: unix milliseconds, or a date such as 2026-01-31' });
        return z.NEVER;
      }
      return edge === 'end' && /^\d{4}-\d{2}-\d{2}$/.test(text) ? time + DAY_MS - 1 : time;
    })
    .optional()
    .describe(help);

/** Where a page begins in its list, and how many entries it may have. */
export function windowOf({ page, pageSize: size }: { readonly page: number; readonly pageSize: number }) {
  return { offset: (page - 1) * size, limit: size };
}

/** One page of entries that are all at hand, or all of them up to `MAX_LISTED`; `total` counts all. */
export function pageOf<Entry>(
  entries: readonly Entry[],
  wanted: { readonly page?: number | undefined; readonly pageSize?: number | undefined },
) {
  const isPaged = wanted.page !== undefined || wanted.pageSize !== undefined;
  const page = wanted.page ?? 1;
  const size = isPaged ? (wanted.pageSize ?? DEFAULT_PAGE_SIZE) : MAX_LISTED;
  const { offset, limit } = windowOf({ page, pageSize: size });
  return { items: entries.slice(offset, offset + limit), total: entries.length, page, pageSize: size };
}

/** The entries in the order of `key`; equal ones stay as they were. Without a key, all stay. */
export function sorted<Entry>(
  entries: readonly Entry[],
  key: ((entry: Entry) => string | number) | undefined,
  direction: 'asc' | 'desc',
): readonly Entry[] {
  if (key === undefined) return direction === 'asc' ? entries : entries.toReversed();
  const sign = direction === 'asc' ? 1 : -1;
  return entries.toSorted((left, right) => {
    const a = key(left);
    const b = key(right);
    if (a === b) return 0;
    return a < b ? -sign : sign;
  });
}

/** Does any of the texts contain the search, upper and lower case alike? */
export function isFound(search: string | undefined, ...texts: readonly string[]): boolean {
  if (search === undefined) return true;
  const wanted = search.toLowerCase();
  return texts.some((text) => text.toLowerCase().includes(wanted));
}
