import { describeTrack } from '../../codecs/describe-track.ts';
import type { BroadcastServer } from '../../core/broadcast-server.ts';
import type { Context } from '../../core/context.ts';
import type { TrackKind } from '../../media/packet.ts';

function describeKind(broadcast: BroadcastServer, kind: TrackKind) {
  const track = broadcast.tracks.find((candidate) => candidate.kind === kind);
  if (track === undefined) return null;
  const { codec, codecString, width, height } = describeTrack(track);
  return { codec, codecString, width, height };
}

/** What anybody may know of the streams that are live: no addresses of people, no counts. */
export function liveList(context: Context) {
  return [...context.broadcasts.values()]
    .filter((broadcast) => broadcast.status !== 'idle')
    .map((broadcast) => ({
      path: broadcast.streamPath,
      status: broadcast.status,
      video: describeKind(broadcast, 'video'),
      audio: describeKind(broadcast, 'audio'),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}
