import { describeTrack } from '../../codecs/describe-track.ts';
import type { Context } from '../../core/context.ts';
import type { LiveStream } from '../../core/live-stream.ts';
import type { TrackKind } from '../../media/packet.ts';

function describeKind(stream: LiveStream, kind: TrackKind) {
  const track = stream.tracks.find((candidate) => candidate.kind === kind);
  if (track === undefined) return null;
  const { codec, codecString, width, height } = describeTrack(track);
  return { codec, codecString, width, height };
}

/** What anybody may know of the streams that are live: no addresses of people, no counts. */
export function liveList(context: Context) {
  return [...context.streams.values()]
    .filter((stream) => stream.status !== 'idle')
    .map((stream) => ({
      path: stream.streamPath,
      status: stream.status,
      video: describeKind(stream, 'video'),
      audio: describeKind(stream, 'audio'),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
