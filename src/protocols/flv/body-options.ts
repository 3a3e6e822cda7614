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

/**
 * What a player's address asks for: `?audio=0`, `?video=0`, `?onlyAudio`, `?onlyVideo`, `?tracks=all|first`,
 * `?hevc=12|hvc1`. `knowsTracks`: the player has said that it reads several tracks of a kind.
 */
export function readBodyOptions(query: Readonly<Record<string, string>>, knowsTracks: boolean): BodyOptions {
  const tracks = query['tracks'] ?? (knowsTracks ? 'all' : 'first');
  return {
    audio: !isUnset(query['audio']) && !isSet(query['onlyVideo']),
    video: !isUnset(query['video']) && !isSet(query['onlyAudio']),
    tracks: tracks === 'all' ? 'all' : 'first',
    hevc: HEVC_FORMS.get(query['hevc'] ?? '') ?? 'as-is',
  };
}
