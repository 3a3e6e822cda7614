import { hearFile, playWithFfmpeg } from '../support/ffmpeg.ts';
import { missingFfmpeg8, playWithFfmpeg8 } from '../support/ffmpeg8.ts';
import { missingGStreamer, playWithGStreamer } from '../support/gstreamer.ts';
import { assertSame, assertSameBut, type Heard } from '../support/hashes.ts';
import { fromFirstKeyframe } from '../support/hashes-prelude.ts';
import { firstReason, missing, within } from '../support/tools.ts';
import { keep, playOverHttp2, playOverWebSocket } from '../support/tools-flv-client.ts';
import { type Lab, label, type Transport } from '../support/tools-lab.ts';
import { hearFileWithVlc, missingVlc, playWithVlc } from '../support/tools-vlc.ts';

/** Who tells what arrived: it is asked for the source too, and must say the same. */
export type Ear = 'ffmpeg' | 'FFmpeg 8' | 'VLC';

/** Throws unless what a player made of the stream is what was sent. */
export type Verdict = (ears: Ears) => Promise<void>;

/** The table's column: a program that plays over one transport. */
export interface PlayerKind {
  readonly name: string;
  readonly transport: Transport;
  readonly skip: string | false;
  /** Starts it at once; resolves once the stream ended and the program with it. */
  play(lab: Lab, url: string, deadlineMs: number): Promise<Verdict>;
}

type Check = (heard: Heard, source: Heard) => void;

/** What it heard must be what `ear` makes of the source. */
function verdict(heard: Heard, ear: Ear, check: Check = assertSame): Verdict {
  return async (ears) => check(heard, await ears.hear(ear));
}

/** What rtmp2src had not yet handed on when StreamEOF came is lost: it stops its task before its queue is empty. */
const LOST_BY_RTMP2SRC = 3;

const ffmpegPlayers = (['rtmp', 'rtmps', 'http-flv', 'https-flv'] as const).map(
  (transport): PlayerKind => ({
    name: 'ffmpeg 5.1',
    transport,
    skip: missing('ffmpeg'),
    play: async (lab, url, deadlineMs) => verdict(await playWithFfmpeg(lab, url).heard(deadlineMs), 'ffmpeg'),
  }),
);

/** FFmpeg 8 over every transport that it speaks. */
export const ffmpeg8Players = (['rtmp', 'rtmps', 'http-flv', 'https-flv'] as const).map(
  (transport): PlayerKind => ({
    name: 'FFmpeg 8',
    transport,
    skip: missingFfmpeg8(),
    play: async (lab, url, deadlineMs) => verdict(await playWithFfmpeg8(lab, url).heard(deadlineMs), 'FFmpeg 8'),
  }),
);

const vlcPlayers = (['rtmp', 'http-flv'] as const).map(
  (transport): PlayerKind => ({
    name: 'VLC',
    transport,
    skip: missingVlc(),
    play: async (lab, url, deadlineMs) => verdict(await playWithVlc(lab, url).heard(deadlineMs), 'VLC'),
  }),
);

const rtmpdump: PlayerKind = {
  name: 'rtmpdump',
  transport: 'rtmp',
  skip: firstReason(missing('rtmpdump', 'ffmpeg')),
  play: async (lab, url, deadlineMs) => {
    const file = lab.file('rtmpdump.flv');
    await lab.programs.start('rtmpdump', ['-q', '-r', url, '-o', file]).finish(deadlineMs);
    return verdict(await hearFile(lab, file), 'ffmpeg');
  },
};

const rtmp2src: PlayerKind = {
  name: 'GStreamer’s rtmp2src',
  transport: 'rtmp',
  skip: firstReason(missingGStreamer(), missing('ffmpeg')),
  play: async (lab, url, deadlineMs) => {
    const file = lab.file('rtmp2src.flv');
    await playWithGStreamer(lab, url, file).finish(deadlineMs);
    return verdict(await hearFile(lab, file), 'ffmpeg', (heard, source) =>
      assertSameBut(heard, source, LOST_BY_RTMP2SRC),
    );
  },
};

/** Our own clients for what those programs do not speak; `ear` hears what they received. */
export function ownPlayers(ear: 'ffmpeg' | 'FFmpeg 8'): PlayerKind[] {
  const skip = ear === 'ffmpeg' ? missing('ffmpeg') : missingFfmpeg8();
  const hear = (lab: Lab, file: string) => (ear === 'ffmpeg' ? hearFile(lab, file) : hearFileWithFfmpeg8(lab, file));
  const receive = (transport: Transport, open: typeof playOverHttp2, name: string): PlayerKind => ({
    name,
    transport,
    skip,
    play: async (lab, url, deadlineMs) => {
      const reception = open(url);
      try {
        const file = lab.file('received.flv');
        await within(keep(reception, file), `the end of ${url}`, deadlineMs);
        return verdict(await hear(lab, file), ear);
      } finally {
        reception.close();
      }
    },
  });
  return [
    receive('https-flv', playOverHttp2, 'an HTTP/2 client'),
    receive('ws-flv', playOverWebSocket, 'a WebSocket client'),
    receive('wss-flv', playOverWebSocket, 'a WebSocket client'),
  ];
}

const OFFLINE_MS = 30_000;

export function hearFileWithFfmpeg8(lab: Lab, file: string): Promise<Heard> {
  return playWithFfmpeg8(lab, file).heard(OFFLINE_MS);
}

/** What each ear makes of a file from its first keyframe on, asked for once. */
export class Ears {
  readonly #heard = new Map<Ear, Promise<Heard>>();
  readonly #lab: Lab;
  readonly #file: string;

  constructor(lab: Lab, file: string) {
    this.#lab = lab;
    this.#file = file;
  }

  hear(ear: Ear): Promise<Heard> {
    let heard = this.#heard.get(ear);
    if (heard === undefined) {
      heard = hearers[ear](this.#lab, this.#file).then((all) => fromFirstKeyframe(all, this.#file));
      this.#heard.set(ear, heard);
    }
    return heard;
  }
}

const hearers: Readonly<Record<Ear, (lab: Lab, file: string) => Promise<Heard>>> = {
  ffmpeg: hearFile,
  'FFmpeg 8': hearFileWithFfmpeg8,
  VLC: hearFileWithVlc,
};

/** Every program that plays H.264 and AAC and is no browser. */
export const players: readonly PlayerKind[] = [
  ...ffmpegPlayers,
  ...ffmpeg8Players,
  rtmpdump,
  rtmp2src,
  ...vlcPlayers,
  ...ownPlayers('ffmpeg'),
];

/** `ffmpeg 5.1 over HTTPS-FLV` */
export function titleOf(player: PlayerKind): string {
  return `${player.name} over ${label(player.transport)}`;
}
