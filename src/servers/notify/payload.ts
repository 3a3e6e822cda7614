import { z } from 'zod';
import type { Session } from '../../core/session.ts';
import { NmsError } from '../../errors.ts';
import { askedEvents, type HookEvent, hookEvents } from './event-names.ts';

const text = (help: string) => z.string().describe(help);
const number = (help: string) => z.number().describe(help);

const sessionSchema = z
  .object({
    id: text('a text that no other session has'),
    ip: text('address and port of the peer'),
    address: text('address of the peer'),
    protocol: text('rtmp, rtmps, http-flv, https-flv, ws-flv or wss-flv'),
    userAgent: text('what the peer calls itself'),
    user: text('who it has proved to be; "" for nobody in particular'),
    isPublisher: z.boolean().describe('it publishes, or asks to'),
    streamHost: text('the host that the peer called'),
    streamPath: text('/app/name; "" before it has asked for a stream'),
    streamApp: text('the app of the path'),
    streamName: text('the name of the path'),
    streamQuery: z
      .record(z.string(), z.string())
      .describe('parameters of the address, decoded; sign and token only where the answer decides'),
    createTime: number('when it connected, in unix milliseconds'),
    endTime: number('when the media stopped, in unix milliseconds; 0 before'),
    inBytes: number('bytes received'),
    outBytes: number('bytes sent'),
    droppedFrames: number('frames left out because a player was behind'),
    playCount: number('plays that began while it published'),
    videoCodec: number('FLV codec id; 0: none, or not known'),
    videoWidth: number('pixels; 0: not known'),
    videoHeight: number('pixels; 0: not known'),
    videoFramerate: number('frames per second; 0: not known'),
    videoDatarate: number('kilobits per second, as announced; 0: not known'),
    audioCodec: number('FLV codec id; 0: none, or not known'),
    audioChannels: number('0: not known'),
    audioSamplerate: number('hertz; 0: not known'),
    audioDatarate: number('kilobits per second, as announced; 0: not known'),
    filePath: text('the file of a recording; "" for none'),
    taskKey: text('the task of a relay; "" for none'),
    reason: z
      .object({ code: text('a code of the error table; "" for none'), message: text('a sentence') })
      .nullable()
      .describe('why it is over; null before'),
  })
  .describe('the session, as it was when the event happened');

const healthSchema = z
  .object({
    state: z.enum(['raised', 'cleared']).describe('it began, or it is over'),
    code: text('what is wrong, for programs'),
    severity: z.enum(['info', 'warning', 'problem']).describe('how much it hurts'),
    message: text('what is wrong, what it does, what to change'),
    since: number('when it began, in unix milliseconds'),
  })
  .nullable()
  .describe('of streamHealth: what the ingest doctor says of the stream; null of all other events');

/** What a target of the format "v1" is sent. Fields are added to it, and never taken away or changed. */
export const payloadSchema = z
  .object({
    version: z.literal(1).describe('the version of this form'),
    id: text('of the event: the same at every attempt, and for every target'),
    event: z.enum(hookEvents).describe('what happened'),
    timestamp: number('when it happened, in unix milliseconds'),
    session: sessionSchema,
    health: healthSchema,
  })
  .describe('A call of a webhook, as it is sent by Node Media Server');

export type Payload = z.output<typeof payloadSchema>;

/** The published schema of the payload. Whoever reads by it takes no offence at fields that are added. */
export function payloadJsonSchema(): object {
  return z.toJSONSchema(payloadSchema, { io: 'input' });
}

/** One event of one session, to be put into words. */
export interface Happening {
  readonly id: string;
  readonly event: HookEvent;
  readonly session: Session;
  /** Unix milliseconds. */
  readonly at: number;
  /** Of `streamHealth`. */
  readonly health?: Payload['health'];
}

/** Parameters by which a peer proves to us who it is. Whoever is only told of it has no use for them. */
const OWN_PARAMETERS = new Set(['sign', 'token']);

function isAsked(event: HookEvent): boolean {
  return askedEvents.some((asked) => asked === event);
}

function queryFor({ event, session }: Happening): Record<string, string> {
  const parameters = Object.entries(session.streamQuery);
  return Object.fromEntries(isAsked(event) ? parameters : parameters.filter(([name]) => !OWN_PARAMETERS.has(name)));
}

function reasonOf({ endReason }: Session): { readonly code: string; readonly message: string } | null {
  if (endReason === null) return null;
  return { code: endReason instanceof NmsError ? endReason.code : '', message: endReason.message };
}

/** Of a session that asks for it, what it will be. */
function isPublisher({ event, session }: Happening): boolean {
  return event === 'prePublish' || session.isPublisher;
}

/** The payload of the format "v1". */
export function createPayload(happening: Happening): Payload {
  const { id, event, session, at, health = null } = happening;
  return {
    version: 1,
    id,
    event,
    timestamp: at,
    session: {
      id: session.id,
      ip: session.ip,
      address: session.address,
      protocol: session.protocol,
      userAgent: session.userAgent,
      user: session.user,
      isPublisher: isPublisher(happening),
      streamHost: session.streamHost,
      streamPath: session.streamPath,
      streamApp: session.streamApp,
      streamName: session.streamName,
      streamQuery: queryFor(happening),
      createTime: session.createTime,
      endTime: session.endTime,
      inBytes: session.inBytes,
      outBytes: session.outBytes,
      droppedFrames: session.droppedFrames,
      playCount: session.playCount,
      videoCodec: session.videoCodec,
      videoWidth: session.videoWidth,
      videoHeight: session.videoHeight,
      videoFramerate: session.videoFramerate,
      videoDatarate: session.videoDatarate,
      audioCodec: session.audioCodec,
      audioChannels: session.audioChannels,
      audioSamplerate: session.audioSamplerate,
      audioDatarate: session.audioDatarate,
      filePath: session.filePath,
      taskKey: '',
      reason: reasonOf(session),
    },
    health: health && {
      state: health.state,
      code: health.code,
      severity: health.severity,
      message: health.message,
      since: health.since,
    },
  };
}

/** The payload of Node-Media-Server 4, field by field. */
export function createNmsPayload({ event, session }: Happening) {
  return {
    id: session.id,
    ip: session.ip,
    app: session.streamApp,
    name: session.streamName,
    query: session.streamQuery,
    protocol: session.protocol,
    createtime: session.createTime,
    endtime: session.endTime,
    inbytes: session.inBytes,
    outbytes: session.outBytes,
    filePath: session.filePath,
    action: event,
  };
}
