import { CORS_HEADERS } from './answer.ts';

/** What every answer with media says of it. */
export const MEDIA_HEADERS = {
  'Content-Type': 'video/x-flv',
  'Cache-Control': 'no-cache, no-store',
  Pragma: 'no-cache',
  ...CORS_HEADERS,
} as const;
