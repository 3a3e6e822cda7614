import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readBodyOptions } from '../../../../src/protocols/flv/body-options.ts';
import { traitsOf } from '../../../../src/servers/flv/user-agent.ts';

const read = (query: string, userAgent = '') =>
  readBodyOptions(Object.fromEntries(new URLSearchParams(query)), traitsOf(userAgent));

describe('play options', () => {
  test('without parameters everything is played, with one track of a kind', () => {
    assert.deepEqual(read(''), { audio: true, video: true, tracks: 'first', hevc: 'as-is' });
  });

  test('audio and video are switched off by their own and by each other’s parameter', () => {
    const kinds = (query: string) => {
      const { audio, video } = read(query);
      return `${audio ? 'a' : ''}${video ? 'v' : ''}`;
    };
    const expected = {
      'audio=0': 'v',
      'audio=false': 'v',
      'audio=1': 'av',
      onlyVideo: 'v',
      'onlyVideo=1': 'v',
      'onlyVideo=0': 'av',
      'video=0': 'a',
      onlyAudio: 'a',
      'onlyAudio=false': 'av',
    };
    for (const [query, result] of Object.entries(expected)) assert.equal(kinds(query), result, query);
  });

  test('FFmpeg 8 and newer get every track, older ones the first; the parameter decides for all', () => {
    assert.equal(read('', 'Lavf/62.3.100').tracks, 'all');
    assert.equal(read('', 'Lavf/100.0.0').tracks, 'all');
    assert.equal(read('', 'Lavf/59.27.100').tracks, 'first');
    assert.equal(read('', 'Mozilla/5.0 Lavf/62').tracks, 'first');
    assert.equal(read('tracks=first', 'Lavf/62.3.100').tracks, 'first');
    assert.equal(read('tracks=all', 'Mozilla/5.0').tracks, 'all');
    assert.equal(read('tracks=nonsense').tracks, 'first');
  });

  test('players in a web page get neither colour nor channel layout, format errors to mpegts.js 1.8', () => {
    assert.equal(read('', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36').details, false);
    assert.equal(read('', 'Lavf/62.3.100').details, undefined);
    assert.equal(read('').details, undefined);
  });

  test('HEVC comes in the form that is asked for', () => {
    assert.equal(read('hevc=12').hevc, 'legacy');
    assert.equal(read('hevc=hvc1').hevc, 'enhanced');
    assert.equal(read('hevc=13').hevc, 'as-is');
  });
});
