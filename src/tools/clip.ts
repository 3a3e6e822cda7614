import { readFile } from 'node:fs/promises';
import { ProtocolError } from '../errors.ts';
import type { AVPacket } from '../media/packet.ts';
import { toMillis } from '../media/time.ts';
import { FlvDemuxer } from '../protocols/flv/flv-demuxer.ts';
import type { FlvBodyKind } from '../protocols/flv/flv-packet-reader.ts';

/** One FLV body of the clip. */
export interface ClipBody {
  readonly kind: FlvBodyKind;
  readonly timestampMs: number;
  readonly body: Buffer;
  /** Is it a video frame, as opposed to configuration or sound? */
  readonly isVideoFrame: boolean;
}

/** The test clip in memory. */
export interface Clip {
  /** onMetaData and the decoder configurations, at 0. */
  readonly headers: readonly ClipBody[];
  /** In the order of their timestamps. */
  readonly media: readonly ClipBody[];
  /** What a round adds to the timestamps: the clip is made so that all its tracks are as long as this. */
  readonly durationMs: number;
}

/** The clip that comes with the package. */
export const testClip: URL = new URL('../../assets/test-clip.flv', import.meta.url);

function bodyOf(packet: AVPacket): ClipBody {
  return {
    kind: packet.track.kind,
    timestampMs: toMillis(packet.dts),
    body: packet.origin ?? packet.data,
    isVideoFrame: packet.isMedia && packet.track.kind === 'video',
  };
}

/** Reads a clip; its length is that of its video, whose frames last equally long. */
export async function loadClip(file: URL): Promise<Clip> {
  const demuxer = new FlvDemuxer();
  demuxer.push(await readFile(file));
  const packets: AVPacket[] = [];
  for (let next = demuxer.next(); next !== null; next = demuxer.next()) packets.push(...next);
  const media = packets.filter((packet) => packet.isMedia).map(bodyOf);
  const frames = media.filter((body) => body.isVideoFrame);
  const [first, last] = [frames[0], frames.at(-1)];
  if (first === undefined || last === undefined || frames.length < 2) {
    throw new ProtocolError('NMS_PROTOCOL_FLV', `a clip with ${frames.length} video frames; 2 are needed`);
  }
  const span = last.timestampMs - first.timestampMs;
  return {
    headers: packets.filter((packet) => packet.isHeader).map(bodyOf),
    media,
    durationMs: Math.round((span * frames.length) / (frames.length - 1)),
  };
}

/** The clip for ever: the headers once, then round after round on one clock. */
export function* loopClip(clip: Clip): Generator<ClipBody, never> {
  yield* clip.headers;
  for (let round = 0; ; round++) {
    for (const body of clip.media) yield { ...body, timestampMs: body.timestampMs + round * clip.durationMs };
  }
}
