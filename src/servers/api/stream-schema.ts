import { z } from 'zod';

const bytes = (help: string) => z.number().int().describe(help);
const perSecond = (help: string) => z.number().int().describe(help);
const time = (help: string) => z.number().int().describe(`${help}, in unix milliseconds`);

/** The transports that players and publishers use. */
export const transports = ['rtmp', 'rtmps', 'http-flv', 'https-flv', 'ws-flv', 'wss-flv'] as const;
export type Transport = (typeof transports)[number];

const track = z
  .object({
    id: z.number().int().describe('its number within its kind; 0 unless the publisher sends several'),
    kind: z.enum(['video', 'audio', 'data']),
    codec: z.string().describe('avc, hevc, vvc, av1, vp8, vp9, aac, opus, mp3, ac3, …'),
    profile: z.string().optional().describe('as people call it: High, Main 10, HE-AAC'),
    level: z.string().optional().describe('4.1, of high tier 5.1 high'),
    width: z.number().int().optional().describe('pixels'),
    height: z.number().int().optional().describe('pixels'),
    frameRate: z.number().optional().describe('frames a second, as its header announces'),
    sampleRate: z.number().int().optional().describe('hertz'),
    channels: z.number().int().optional(),
    codecString: z.string().optional().describe('RFC 6381, as in MIME types: avc1.64001f'),
    measured: z
      .object({
        bitrate: z.number().describe('bits a second over the last seconds'),
        frameRate: z.number().describe('of video frames, of audio packets a second, over the last seconds'),
        keyframes: z.number().int().describe('keyframes since the publish began; 0 of audio'),
        keyframeIntervalMs: z
          .number()
          .describe('milliseconds between the last two keyframes; 0: not known, or no video'),
        sinceKeyframeMs: z.number().describe('milliseconds of media since the last keyframe'),
        maxReorderMs: z
          .number()
          .describe('by how many milliseconds frames are shown after they are decoded; above 0 there are B-frames'),
        silentMs: z.number().describe('milliseconds since its last packet'),
        packets: z.number().int().describe('since the publish began'),
        bytes: bytes('since the publish began'),
      })
      .nullable()
      .describe('what was measured of its media, a second old at most; null before that'),
  })
  .describe('a track; what its header does not tell is absent');

const publisher = z
  .object({
    id: z.string().describe('of its session'),
    ip: z.string().describe('address and port'),
    address: z.string().describe('address alone'),
    protocol: z.string().describe('its transport'),
    userAgent: z.string().describe('what the encoder calls itself'),
    user: z.string().describe('who it has proved to be; "" for nobody in particular'),
    createTime: time('when it connected'),
    videoCodec: z.number().int().describe('FLV codec id: 7 is AVC, 12 HEVC; 0: none'),
    videoWidth: z.number().describe('pixels; 0: not known'),
    videoHeight: z.number().describe('pixels; 0: not known'),
    videoFramerate: z.number().describe('frames a second: measured, else announced; 0: not known'),
    audioCodec: z.number().int().describe('FLV codec id: 10 is AAC; 0: none'),
    audioChannels: z.number().describe('0: not known'),
    audioSamplerate: z.number().describe('hertz; 0: not known'),
    inBytes: bytes('received'),
  })
  .describe('who publishes; null while nobody does, or the place is kept');

/** One stream, as lists show it. */
export const streamSchema = z
  .object({
    key: z.string().describe('/app/name'),
    app: z.string(),
    name: z.string(),
    status: z
      .enum(['publishing', 'reconnecting', 'idle'])
      .describe('reconnecting: the publisher dropped and his place is kept; idle: players wait for it'),
    createTime: time('when its publish began; 0 while nobody publishes'),
    publisher: publisher.nullable(),
    tracks: z.array(track),
    avSkewMs: z.number().describe('milliseconds by which audio runs ahead of video; 0 without both'),
    timestampJumps: z.number().int().describe('jumps of the publisher’s timestamps that were closed up'),
    subscribers: z.number().int().describe('players'),
    viewers: z.record(z.enum(transports), z.number().int()).describe('players of each transport'),
    droppedFrames: z.number().int().describe('frames left out for players who are here and were behind'),
    inBytes: bytes('received from the publisher'),
    outBytes: bytes('sent to those who play now'),
    inBps: perSecond('bytes a second from the publisher'),
    outBps: perSecond('bytes a second to the players'),
    recording: z.boolean().describe('is it being recorded?'),
    health: z.object({
      status: z.enum(['good', 'warning', 'problem']).describe('the worst of the advice'),
      advice: z.array(
        z.object({
          code: z.string().describe('for programs: keyframe-interval'),
          severity: z.enum(['info', 'warning', 'problem']),
          message: z.string().describe('what is wrong, what it does, what to change'),
          since: time('since when'),
        }),
      ),
    }),
  })
  .describe('a stream');

export type StreamEntry = z.input<typeof streamSchema>;
export type PublisherEntry = NonNullable<StreamEntry['publisher']>;
export type TrackEntry = StreamEntry['tracks'][number];
