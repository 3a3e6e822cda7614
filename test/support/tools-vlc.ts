import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Heard, HeardTrack } from './hashes.ts';
import { missing, type Program } from './tools.ts';
import type { Lab } from './tools-lab.ts';

/** The user `nobody` of Debian: VLC refuses to run as root. */
const NOBODY = 65_534;
const AS_NOBODY = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
const OFFLINE_MS = 30_000;

const isRoot = process.getuid?.() === 0;

/** Why tests with VLC are skipped; `false` when it can run. */
export function missingVlc(): string | false {
  return isRoot ? missing('cvlc', 'setpriv') : missing('cvlc');
}

export interface VlcPlayer {
  readonly program: Program;
  heard(deadlineMs: number): Promise<Heard>;
}

/** `stats` writes a line per packet: prefix, track, kind, number, step of time, length, hash. */
function readStats(text: string): Map<'video' | 'audio', string[]> {
  const found = new Map<'video' | 'audio', string[]>();
  for (const line of text.split('\n')) {
    const [prefix, , kind, , , , hash] = line.split('\t');
    if (prefix !== 'stats' || (kind !== 'Video' && kind !== 'Audio') || hash === undefined) continue;
    const name = kind === 'Video' ? 'video' : 'audio';
    found.set(name, [...(found.get(name) ?? []), hash]);
  }
  return found;
}

/** Plays an address or a file to its end with VLC, which hashes every packet and decodes every picture and sound. */
export function playWithVlc(lab: Lab, url: string): VlcPlayer {
  const home = lab.file('vlc');
  mkdirSync(home);
  if (isRoot) chownSync(home, NOBODY, NOBODY);
  chmodSync(home, 0o700);
  const packets = `${home}/packets.txt`;
  const frames = `${home}/frames.txt`;
  const decoder = 'transcode{vcodec=I420,acodec=s16l,threads=1}';
  const sout = `#duplicate{dst=stats{output=${packets}},dst="${decoder}:stats{output=${frames}}"}`;
  const args = [
    ...['-I', 'dummy', '--no-dbus', '--no-one-instance', '--no-media-library', '--play-and-exit', url],
    ...['--sout', sout, 'vlc://quit'],
  ];
  const options = { env: { HOME: home, XDG_RUNTIME_DIR: home } };
  const program = isRoot
    ? lab.programs.start('setpriv', [...AS_NOBODY, 'cvlc', ...args], options)
    : lab.programs.start('cvlc', args, options);
  return {
    program,
    heard: async (deadlineMs) => {
      await program.finish(deadlineMs);
      const decoded = readStats(await readFile(frames, 'utf8'));
      const tracks = [...readStats(await readFile(packets, 'utf8'))].map(
        ([kind, hashes]): HeardTrack => ({ kind, hashes, framesDecoded: decoded.get(kind)?.length ?? 0 }),
      );
      return { tracks, complaints: complaintsOf(program.stderr) };
    },
  };
}

/** VLC also complains of a machine without desktop and loudspeaker; of the stream speak its access, demux and decoder. */
function complaintsOf(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => /\] \S+ (access|stream|demux|decoder|packetizer)\S* error/.test(line))
    .join('\n');
}

/** What VLC makes of a file. */
export function hearFileWithVlc(lab: Lab, file: string): Promise<Heard> {
  return playWithVlc(lab, file).heard(OFFLINE_MS);
}
