import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { playWithFfmpeg } from '../support/ffmpeg.ts';
import { makeSource8, missingFfmpeg8, playWithFfmpeg8, publishWithFfmpeg8 } from '../support/ffmpeg8.ts';
import { assertLate, assertSame, type Heard } from '../support/hashes.ts';
import { fromFirstKeyframe } from '../support/hashes-prelude.ts';
import { eventually, firstReason, missing, within } from '../support/tools.ts';
import { keep, playOverWebSocket } from '../support/tools-flv-client.ts';
import { type Lab, label, openLab, type Transport } from '../support/tools-lab.ts';
import { hearFileWithFfmpeg8 } from './players.ts';

const PATH = '/live/several';
const GOP = 25;
const DEADLINE_MS = 40_000;
const skip = firstReason(missingFfmpeg8(), missing('ffmpeg'));

type Listener = (lab: Lab, url: string) => Promise<Heard>;
const ffmpeg: Listener = (lab, url) => playWithFfmpeg(lab, url).heard(DEADLINE_MS);
const ffmpeg8: Listener = (lab, url) => playWithFfmpeg8(lab, url).heard(DEADLINE_MS);
const webSocket: Listener = async (lab, url) => {
  const reception = playOverWebSocket(url);
  try {
    const file = lab.file('received.flv');
    return await hearFileWithFfmpeg8(lab, await within(keep(reception, file), `the end of ${url}`, DEADLINE_MS));
  } finally {
    reception.close();
  }
};

interface Row {
  readonly name: string;
  readonly transport: Transport;
  readonly query: string;
  readonly play: Listener;
  readonly gets: 'all four tracks' | 'the first picture and the first sound, as if there were no others';
}

const all = 'all four tracks';
const first = 'the first picture and the first sound, as if there were no others';
const rows: readonly Row[] = [
  { name: 'FFmpeg 8', transport: 'http-flv', query: '', play: ffmpeg8, gets: all },
  { name: 'FFmpeg 8', transport: 'https-flv', query: '', play: ffmpeg8, gets: all },
  { name: 'FFmpeg 8', transport: 'rtmp', query: '?tracks=all', play: ffmpeg8, gets: all },
  { name: 'FFmpeg 8', transport: 'http-flv', query: '?tracks=first', play: ffmpeg8, gets: first },
  { name: 'ffmpeg 5.1', transport: 'rtmp', query: '', play: ffmpeg, gets: first },
  { name: 'ffmpeg 5.1', transport: 'http-flv', query: '', play: ffmpeg, gets: first },
  { name: 'a WebSocket client', transport: 'wss-flv', query: '', play: webSocket, gets: first },
  { name: 'a WebSocket client', transport: 'ws-flv', query: '?tracks=all', play: webSocket, gets: all },
];

const titleOf = (row: Row) => `${row.name} over ${label(row.transport)}${row.query}`;

/** The first track of each kind. */
function firstOfEach(heard: Heard): Heard {
  const kinds = ['video', 'audio'] as const;
  return { ...heard, tracks: kinds.flatMap((kind) => heard.tracks.filter((track) => track.kind === kind).slice(0, 1)) };
}

describe('H.264, HEVC, AAC and Opus in one stream, published by FFmpeg 8 over RTMP', { skip }, () => {
  let lab: Lab;
  let source: Heard;
  let whole: Heard;
  const early = new Map<Row, PromiseSettledResult<Heard>>();
  const late = new Map<Row, PromiseSettledResult<Heard>>();

  before(async () => {
    lab = await openLab();
    const file = await makeSource8(lab, { videos: ['avc', 'hevc'], audios: ['aac', 'opus'], seconds: 5 });
    source = await hearFileWithFfmpeg8(lab, file);
    whole = fromFirstKeyframe(source, file);
    const playAll = () =>
      Promise.allSettled(rows.map((row) => row.play(lab, lab.url(row.transport, `${PATH}${row.query}`))));
    const first = playAll();
    await lab.players(PATH, rows.length);
    const publisher = publishWithFfmpeg8(lab, file, lab.url('rtmp', PATH));
    const isUnderWay = () => [...lab.context.broadcasts.values()].some(({ gop }) => gop.firstDts > 900_000);
    await eventually(isUnderWay, 'a second group of pictures');
    const second = playAll();
    await publisher.program.finish(DEADLINE_MS);
    for (const [index, result] of (await first).entries()) early.set(rows[index]!, result);
    for (const [index, result] of (await second).entries()) late.set(rows[index]!, result);
  });
  after(() => lab[Symbol.asyncDispose]());

  const heardIn = (results: Map<Row, PromiseSettledResult<Heard>>, row: Row): Heard => {
    const result = results.get(row)!;
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  };

  test('decodes at its source', () => {
    assert.equal(source.complaints, '');
    assert.deepEqual(
      source.tracks.map(({ kind }) => kind),
      ['video', 'video', 'audio', 'audio'],
    );
  });

  for (const row of rows) {
    test(`${titleOf(row)} gets ${row.gets}`, () => {
      assertSame(heardIn(early, row), row.gets === all ? whole : firstOfEach(whole));
    });
    test(`${titleOf(row)} gets ${row.gets}, from a keyframe on, when it comes late`, () => {
      assertLate(heardIn(late, row), row.gets === all ? source : firstOfEach(source), GOP);
    });
  }
});
