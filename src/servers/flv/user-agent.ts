/** FFmpeg's library reads several tracks of a kind from this version on (FFmpeg 8). */
const LAVF_WITH_TRACKS = 62;

/** Is this a player that is known to read several tracks? HTTP has no other way to say so. */
export function knowsTracks(userAgent: string): boolean {
  const version = /^Lavf\/(\d+)/.exec(userAgent)?.[1];
  return version !== undefined && Number(version) >= LAVF_WITH_TRACKS;
}
