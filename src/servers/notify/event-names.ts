import type { ServerEventName } from '../../core/events.ts';

/** Events that are asked about: the answer decides. */
export const askedEvents = ['prePublish', 'prePlay'] as const satisfies readonly ServerEventName[];

/** Events that are told; a word more here is an event more. */
export const toldEvents = [
  'sessionStart',
  'sessionEnd',
  'postPublish',
  'donePublish',
  'streamStall',
  'streamResume',
  'streamHealth',
  'postPlay',
  'donePlay',
  'postRecord',
  'doneRecord',
] as const satisfies readonly ServerEventName[];

/** Events that Node-Media-Server 4 knows: its receivers are sent no others unless they ask for them. */
export const nmsEvents: readonly HookEvent[] = [
  'prePlay',
  'postPlay',
  'donePlay',
  'prePublish',
  'postPublish',
  'donePublish',
  'postRecord',
  'doneRecord',
];

export const hookEvents = [...askedEvents, ...toldEvents] as const;

export type AskedEvent = (typeof askedEvents)[number];
export type ToldEvent = (typeof toldEvents)[number];
/** An event that a webhook can be called about. */
export type HookEvent = (typeof hookEvents)[number];
