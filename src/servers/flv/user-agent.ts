import type { PlayerTraits } from '../../protocols/flv/body-options.ts';

/** FFmpeg's library reads several tracks of a kind from this version on (FFmpeg 8). */
const LAVF_WITH_TRACKS = 62;

/** What a player says of itself by its name; HTTP has no other way. */
export function traitsOf(userAgent: string): PlayerTraits {
  const version = /^Lavf\/(\d+)/.exec(userAgent)?.[1];
  return {
    knowsTracks: version !== undefined && Number(version) >= LAVF_WITH_TRACKS,
    isBrowser: userAgent.startsWith('Mozilla/'),
  };
}
