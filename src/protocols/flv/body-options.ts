import type { BodyOptions } from './flv-body.ts';
import type { HevcForm } from './hevc-form.ts';

const HEVC_FORMS: ReadonlyMap<string, HevcForm> = new Map([
  ['12', 'legacy'],
  ['hvc1', 'enhanced'],
]);

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value !== 'false';
}

function isUnset(value: string | undefined): boolean {
  return value === '0' || value === 'false';
}

/** What is known of a player beside its address. */
export interface PlayerTraits {
  /** It has said that it reads several tracks of a kind. */
  readonly knowsTracks: boolean;
  /** It runs in a web page, where a script reads FLV: mpegts.js or one of its relatives. */
  readonly isBrowser?: boolean;
}

/**
 * What a player's address asks for: `?audio=0`, `?video=0`, `?onlyAudio`, `?onlyVideo`, `?tracks=all|first`,
 * `?hevc=12|hvc1`.
 */
export function readBodyOptions(query: Readonly<Record<string, string>>, traits: PlayerTraits): BodyOptions {
  const tracks = query['tracks'] ?? (traits.knowsTracks ? 'all' : 'first');
  return {
    audio: !isUnset(query['audio']) && !isSet(query['onlyVideo']),
    video: !isUnset(query['video']) && !isSet(query['onlyAudio']),
    tracks: tracks === 'all' ? 'all' : 'first',
    hevc: HEVC_FORMS.get(query['hevc'] ?? '') ?? 'as-is',
    ...(traits.isBrowser === true ? { details: false } : {}),
  };
}
