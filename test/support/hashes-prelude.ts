import { readFileSync } from 'node:fs';
import { FlvDemuxer } from '../../src/protocols/flv/flv-demuxer.ts';
import type { Heard } from './hashes.ts';

/** How many sound packets of each track, in the order of their ids, an FLV file has before its first keyframe. */
function soundBeforePicture(file: string): readonly number[] {
  const demuxer = new FlvDemuxer();
  demuxer.push(readFileSync(file));
  const counts: number[] = [];
  for (let packets = demuxer.next(); packets !== null; packets = demuxer.next()) {
    for (const { type, track } of packets) {
      if (type === 'key') return counts;
      if (type === 'frame' && track.kind === 'audio') counts[track.id] = (counts[track.id] ?? 0) + 1;
    }
  }
  return [];
}

/** What players get who wait for a stream: it begins for them with its first keyframe, sound included. */
export function fromFirstKeyframe(heard: Heard, file: string): Heard {
  const counts = soundBeforePicture(file);
  let tracks = 0;
  return {
    ...heard,
    tracks: heard.tracks.map((track) => {
      if (track.kind !== 'audio') return track;
      const cut = counts[tracks++] ?? 0;
      const framesDecoded = track.framesDecoded === null ? null : track.framesDecoded - cut;
      return { ...track, hashes: track.hashes.slice(cut), framesDecoded };
    }),
  };
}
