import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Recording } from '../../src/core/recorder.ts';
import { hearFile, makeSource, publishFile } from '../support/ffmpeg.ts';
import { missingFfmpeg8, publishWithFfmpeg8 } from '../support/ffmpeg8.ts';
import { type Heard, trackOf } from '../support/hashes.ts';
import { assertClosed, readFlv } from '../support/recordings.ts';
import { eventually, missing } from '../support/tools.ts';
import { type Lab, openLab } from '../support/tools-lab.ts';

const DEADLINE_MS = 40_000;
const SECONDS = 5;

/** What ffprobe says of a file. */
interface Probed {
  readonly format: { readonly duration: string; readonly start_time: string; readonly nb_streams: number };
  readonly streams: readonly { readonly codec_type: string; readonly codec_name: string }[];
}

async function probe(lab: Lab, file: string): Promise<Probed> {
  const args = ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', file];
  return JSON.parse(await lab.programs.start('ffprobe', args).finish(DEADLINE_MS)) as Probed;
}

/** The time of the packet that a jump to `seconds` lands on, in seconds. */
async function landing(lab: Lab, file: string, seconds: number): Promise<number> {
  const args = ['-v', 'error', '-select_streams', 'v', '-read_intervals', `${seconds}%+#1`];
  const text = await lab.programs
    .start('ffprobe', [...args, '-show_entries', 'packet=dts_time,flags', '-of', 'csv=p=0', file])
    .finish(DEADLINE_MS);
  const [time, flags] = text.trim().split('\n')[0]!.split(',');
  assert.match(flags ?? '', /^K/);
  return Number(time);
}

/** Decodes every frame; says what ffmpeg complained about. */
async function decode(lab: Lab, file: string, level: 'error' | 'warning' = 'error'): Promise<string> {
  const program = lab.programs.start('ffmpeg', ['-nostdin', '-v', level, '-i', file, '-f', 'null', '-']);
  await program.finish(DEADLINE_MS);
  return program.stderr;
}

for (const workers of [1, 2]) {
  describe(`a recording of what ffmpeg publishes, with workers ${workers}`, {
    skip: missing('ffmpeg', 'ffprobe'),
  }, () => {
    let lab: Lab;
    let source: Heard;
    let recording: Recording;
    let file = '';
    before(async () => {
      lab = await openLab({ workers, record: { auto: true } });
      const original = await makeSource(lab, { seconds: SECONDS, bFrames: 2 });
      source = await hearFile(lab, original);
      const publisher = publishFile(lab, original, lab.url('rtmp', '/live/film'));
      const { recorder } = lab.context;
      await eventually(() => (recorder?.current('/live/film')?.duration ?? 0) > 2_000, 'two seconds');
      const open = recorder!.locate(recorder!.current('/live/film')!)!;
      // While it is being written.
      assert.equal(await decode(lab, open), '');
      await publisher.finish(DEADLINE_MS);
      const list = () => recorder!.list({ sort: 'startTime', order: 'asc', offset: 0, limit: 2 }).items;
      await eventually(() => list()[0]?.status === 'done', 'the end');
      recording = list()[0]!;
      file = recorder!.locate(recording)!;
    });
    after(() => lab[Symbol.asyncDispose]());

    test('is decoded without a complaint, and holds every packet', async () => {
      assert.equal(await decode(lab, file), '');
      const heard = await hearFile(lab, file);
      assert.equal(heard.complaints, '');
      for (const kind of ['video', 'audio'] as const) {
        assert.deepEqual(trackOf(heard, kind).hashes, trackOf(source, kind).hashes);
      }
    });

    test('says how long it is, begins at 0, and has no third stream', async () => {
      const { format, streams } = await probe(lab, file);
      assert.deepEqual(streams.map(({ codec_name }) => codec_name).sort(), ['aac', 'h264']);
      assert.ok(Math.abs(Number(format.duration) - SECONDS) < 0.15, format.duration);
      assert.ok(Math.abs(recording.duration - SECONDS * 1000) < 150, `${recording.duration}`);
      assertClosed(readFileSync(file));
    });

    test('can be jumped in: to the keyframe at or before the place', async () => {
      const base = await landing(lab, file, 0);
      for (const [seconds, expected] of [
        [2.5, 2],
        [3.9, 3],
        [4.02, 4],
      ] as const) {
        const landed = (await landing(lab, file, base + seconds)) - base;
        assert.ok(Math.abs(landed - expected) < 0.05, `${landed} instead of ${expected}`);
      }
    });

    test('has an index that FFmpeg makes use of', async () => {
      assert.doesNotMatch(await decode(lab, file, 'warning'), /index/);
    });
  });
}

test('a recording of what FFmpeg 8 publishes in H.265 is closed and whole', { skip: missingFfmpeg8() }, async () => {
  await using lab = await openLab({ record: { auto: true } });
  const file = join(import.meta.dirname, '../vectors/ffmpeg-8-hevc-eac3.flv');
  await publishWithFfmpeg8(lab, file, lab.url('rtmp', '/live/h265')).program.finish(DEADLINE_MS);
  const list = () => lab.context.recorder!.list({ sort: 'startTime', order: 'asc', offset: 0, limit: 2 }).items;
  await eventually(() => list()[0]?.status === 'done', 'the end');
  const bytes = readFileSync(lab.context.recorder!.locate(list()[0]!)!);
  const closed = assertClosed(bytes);
  const media = (tags: readonly { role: string; body: Buffer }[]) =>
    tags
      .filter(({ role }) => role === 'key' || role === 'video' || role === 'audio')
      .map(({ body }) => body.toString('hex'));
  assert.deepEqual(media(closed.tags), media(readFlv(readFileSync(file)).tags));
  assert.ok(closed.keyframes.length >= 2);
});
