import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Heard, HeardTrack } from './hashes.ts';
import type { Program } from './tools.ts';
import type { Lab } from './tools-lab.ts';

const folder = resolve(import.meta.dirname, '../ffmpeg8');
const OFFLINE_MS = 60_000;

/** Why tests with FFmpeg 8 are skipped; `false` when it is there. */
export function missingFfmpeg8(): string | false {
  if (existsSync(join(folder, 'node_modules/node-av/package.json'))) return false;
  return 'FFmpeg 8 is not installed (npm ci in test/ffmpeg8)';
}

interface Report {
  readonly ok: boolean;
  readonly error?: string;
  readonly streams: readonly {
    readonly kind: 'video' | 'audio' | 'other';
    readonly codec: string;
    readonly hashes: readonly string[];
    readonly framesDecoded?: number;
    readonly decodeErrors?: number;
    readonly steppedBack?: number;
  }[];
}

/** Said of every Opus stream that does not end with a full packet of its container, of files too. */
const HARMLESS = /Could not update timestamps for skipped samples/;

/** What FFmpeg 8 says of its streams; `codecs` are its names of them, in order. */
export type Heard8 = Heard & { readonly codecs: readonly string[] };

async function readReport(program: Program, deadlineMs: number): Promise<Heard8> {
  const report = JSON.parse(await program.finish(deadlineMs)) as Report;
  const tracks = report.streams.map(({ kind, hashes, framesDecoded }): HeardTrack => {
    if (kind === 'other') throw new Error(`a stream that is neither picture nor sound: ${program.line}`);
    return { kind, hashes, framesDecoded: framesDecoded ?? null };
  });
  const errors = report.streams.flatMap(({ kind, decodeErrors = 0, steppedBack = 0 }) => [
    ...(decodeErrors > 0 ? [`${decodeErrors} ${kind} decode errors`] : []),
    ...(steppedBack > 0 ? [`${kind} timestamps stepped back ${steppedBack} times`] : []),
  ]);
  const said = program.stderr.split('\n').filter((line) => line !== '' && !HARMLESS.test(line));
  return { tracks, codecs: report.streams.map(({ codec }) => codec), complaints: [...errors, ...said].join('\n') };
}

/** A program with a report. */
export interface Ffmpeg8 {
  readonly program: Program;
  heard(deadlineMs: number): Promise<Heard8>;
}

function start(lab: Lab, script: string, args: readonly string[]): Ffmpeg8 {
  const program = lab.programs.start(process.execPath, [join(folder, script), ...args]);
  return { program, heard: (deadlineMs) => readReport(program, deadlineMs) };
}

/** Publishes a file in real time; its report says what it sent. `startMs` is the first timestamp. */
export function publishWithFfmpeg8(lab: Lab, file: string, url: string, options: { startMs?: number } = {}): Ffmpeg8 {
  const { startMs = 0 } = options;
  return start(lab, 'publish.mjs', [url, '--input', file, '--start-ms', `${startMs}`]);
}

/** Plays an address or a file to its end and decodes everything. */
export function playWithFfmpeg8(lab: Lab, url: string): Ffmpeg8 {
  return start(lab, 'play.mjs', [url, '--seconds', '0', '--timeout', '30']);
}

export interface Source8 {
  readonly videos: readonly string[];
  readonly audios: readonly string[];
  readonly seconds: number;
  readonly bFrames?: number;
}

/** Makes media with FFmpeg 8's encoders, a keyframe each 25 frames; gives back the file's name. */
export async function makeSource8(lab: Lab, { videos, audios, seconds, bFrames = 0 }: Source8): Promise<string> {
  const file = lab.file('source8.flv');
  const codecs = ['--video', videos.join(','), '--audio', audios.join(',')];
  const shape = ['--seconds', `${seconds}`, '--bframes', `${bFrames}`, '--fast'];
  await start(lab, 'publish.mjs', [file, ...codecs, ...shape]).program.finish(OFFLINE_MS);
  return file;
}
