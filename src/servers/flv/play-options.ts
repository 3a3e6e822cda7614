import type { HevcForm } from '../../protocols/flv/hevc-form.ts';

/** What a player wants to receive. */
export interface PlayOptions {
  readonly audio: boolean;
  readonly video: boolean;
  /** `first`: one video and one audio track, for players that know nothing of several. */
  readonly tracks: 'all' | 'first';
  /** How HEVC is written: as it came, as Enhanced RTMP does, or with the older codec id 12. */
  readonly hevc: HevcForm;
}

const HEVC_FORMS: ReadonlyMap<string, HevcForm> = new Map([
  ['12', 'legacy'],
  ['hvc1', 'enhanced'],
]);
/** FFmpeg's library reads several tracks from this version on (FFmpeg 8). */
const LAVF_WITH_TRACKS = 62;

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value !== 'false';
}

function isUnset(value: string | undefined): boolean {
  return value === '0' || value === 'false';
}

function knowsTracks(userAgent: string): boolean {
  const version = /^Lavf\/(\d+)/.exec(userAgent)?.[1];
  return version !== undefined && Number(version) >= LAVF_WITH_TRACKS;
}

/** Reads `?audio=0`, `?video=0`, `?onlyAudio`, `?onlyVideo`, `?tracks=all|first`, `?hevc=12|hvc1`. */
export function readPlayOptions(query: Readonly<Record<string, string>>, userAgent: string): PlayOptions {
  const tracks = query['tracks'] ?? (knowsTracks(userAgent) ? 'all' : 'first');
  return {
    audio: !isUnset(query['audio']) && !isSet(query['onlyVideo']),
    video: !isUnset(query['video']) && !isSet(query['onlyAudio']),
    tracks: tracks === 'all' ? 'all' : 'first',
    hevc: HEVC_FORMS.get(query['hevc'] ?? '') ?? 'as-is',
  };
}
