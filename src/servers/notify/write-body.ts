import { createNmsPayload, createPayload, type Happening } from './payload.ts';
import type { Target } from './target.ts';

/** What a target is sent about an event. */
export function writeBody({ format }: Pick<Target, 'format'>, happening: Happening): string {
  return JSON.stringify(format === 'nms' ? createNmsPayload(happening) : createPayload(happening));
}
