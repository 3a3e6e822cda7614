import { z } from 'zod';

const millis = (fallback: number, help: string) => z.number().int().min(0).default(fallback).describe(help);
const share = (fallback: number, help: string) => z.number().min(0).max(1).default(fallback).describe(help);

/** The `doctor` section. */
export const doctorSection = z
  .strictObject({
    enable: z
      .boolean()
      .default(true)
      .describe('look at every live stream once a second, and say what is wrong with it'),
    graceMs: millis(10_000, 'nothing is said about a stream in its first time'),
    raiseMs: millis(3_000, 'how long something has to be wrong before it is said'),
    clearMs: millis(15_000, 'how long it has to be well before it is taken back'),
    maxKeyframeIntervalMs: millis(4_000, 'a longer time between two keyframes is a warning; twice as long, a problem'),
    maxSkewMs: millis(300, 'a larger distance between sound and picture is a warning; three times as large, a problem'),
    minSpeed: share(0.9, 'media that comes slower than this share of real time starves its players'),
    maxGapMs: millis(2_000, 'a longer silence of the whole stream is a gap'),
    maxTrackSilenceMs: millis(5_000, 'a longer silence of one track, while others go on, is a fault'),
    minBitrateShare: share(0.3, 'a bitrate below this share of what the publisher announced is worth a word'),
    maxBitrateShare: z
      .number()
      .min(1)
      .default(1.5)
      .describe('a bitrate above this share of what the publisher announced is a warning'),
    jumpMemoryMs: millis(60_000, 'how long a jump of timestamps is remembered'),
  })
  .prefault({})
  .describe('the ingest doctor: advice about streams that come in');

export type DoctorConfig = z.output<typeof doctorSection>;
