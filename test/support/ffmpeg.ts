import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type HashedPacket, type Heard, type HeardTrack, readFramehash } from './hashes.ts';
import type { Program } from './tools.ts';
import type { Lab } from './tools-lab.ts';

/** Pictures per second, and per group of pictures, of every source. */
export const FRAME_RATE = 25;
const SAMPLE_RATE = 48_000;
/** How long a finished program may need for work that is not live. */
const OFFLINE_MS = 30_000;

export interface SourceOptions {
  readonly seconds: number;
  /** Consecutive B-frames; none by default. */
  readonly bFrames?: number;
  readonly size?: string;
  readonly video?: boolean;
  readonly audio?: boolean;
}

/** Makes an FLV file with H.264 and AAC, a keyframe each second; gives back its name. */
export async function makeSource(lab: Lab, options: SourceOptions): Promise<string> {
  const { seconds, bFrames = 0, size = '320x180', video = true, audio = true } = options;
  const file = lab.file('source.flv');
  const picture = ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${FRAME_RATE}:d=${seconds}`];
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${SAMPLE_RATE}:duration=${seconds}`];
  const x264 = `keyint=${FRAME_RATE}:min-keyint=${FRAME_RATE}:scenecut=0:bframes=${bFrames}:threads=1`;
  await lab.programs
    .start('ffmpeg', [
      ...['-nostdin', '-v', 'error', ...(video ? picture : []), ...(audio ? sound : [])],
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-b:v', '300k', '-x264-params', x264],
      ...['-c:a', 'aac', '-b:a', '96k', '-ac', '2', file],
    ])
    .finish(OFFLINE_MS);
  return file;
}

/**
 * ffmpeg never reads what TLS 1.3 sends after a handshake (session tickets) while it posts. Its system then ends the
 * connection with a reset, and throws away the last bytes that it has not sent yet. With TLS 1.2 nothing is left unread.
 */
function withoutTls13(lab: Lab): Readonly<Record<string, string>> {
  const file = lab.file('gnutls.conf');
  writeFileSync(file, '[overrides]\ndisabled-version = tls1.3\n');
  return { GNUTLS_SYSTEM_PRIORITY_FILE: file };
}

/** Publishes a file in real time, as it is, to any address; `extra` are options of the output. */
export function publishFile(lab: Lab, file: string, url: string, extra: readonly string[] = []): Program {
  const tls = /^(rtmps|https):/.test(url) ? ['-tls_verify', '0'] : [];
  const post = /^https?:/.test(url) ? ['-method', 'POST'] : [];
  const args = ['-nostdin', '-v', 'error', '-re', '-i', file, '-c', 'copy', '-map', '0', ...extra, '-f', 'flv'];
  return lab.programs.start('ffmpeg', [...args, ...tls, ...post, url], {
    env: url.startsWith('https:') ? withoutTls13(lab) : {},
  });
}

/** A file as a live stream on standard output, in real time. */
export function pipeFile(lab: Lab, file: string): Program {
  const args = ['-nostdin', '-v', 'error', '-re', '-i', file, '-c', 'copy', '-f', 'flv', 'pipe:1'];
  return lab.programs.start('ffmpeg', args, { isBinary: true });
}

/** A running ffmpeg that plays an address to its end, hashes every packet, and decodes every frame. */
export interface FfmpegPlayer {
  readonly program: Program;
  /** Waits for its end. */
  heard(deadlineMs: number): Promise<Heard>;
  /** The packets as they came, with their own timestamps; after its end. */
  packets(): Promise<readonly (HashedPacket & { readonly kind: 'video' | 'audio' })[]>;
}

/** Plays with ffmpeg, which gives up at the first error of a decoder. */
export function playWithFfmpeg(lab: Lab, url: string): FfmpegPlayer {
  const copied = lab.file('packets.txt');
  const decoded = lab.file('frames.txt');
  const tls = /^(rtmps|https):/.test(url) ? ['-tls_verify', '0'] : [];
  const maps = ['-map', '0:v?', '-map', '0:a?'];
  const program = lab.programs.start('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-xerror', '-err_detect', 'crccheck+bitstream+buffer', '-copyts', ...tls, '-i', url],
    ...[...maps, '-c', 'copy', '-f', 'framehash', '-hash', 'md5', copied],
    ...[...maps, '-fps_mode', 'passthrough', '-enc_time_base', '-1', '-f', 'framehash', '-hash', 'md5', decoded],
  ]);
  const read = async (file: string) => readFramehash(await readFile(file, 'utf8'));
  return {
    program,
    heard: async (deadlineMs) => {
      await program.finish(deadlineMs);
      const [packets, frames] = [await read(copied), await read(decoded)];
      const tracks = packets.kinds.map(
        (kind, stream): HeardTrack => ({
          kind,
          hashes: packets.packets.filter((packet) => packet.stream === stream).map((packet) => packet.hash),
          framesDecoded: frames.packets.filter((frame) => frame.stream === stream).length,
        }),
      );
      return { tracks, complaints: program.stderr };
    },
    packets: async () => {
      const { kinds, packets } = await read(copied);
      return packets.map((packet) => ({ ...packet, kind: kinds[packet.stream]! }));
    },
  };
}

/** What ffmpeg makes of a file. */
export function hearFile(lab: Lab, file: string): Promise<Heard> {
  return playWithFfmpeg(lab, file).heard(OFFLINE_MS);
}
