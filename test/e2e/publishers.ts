import assert from 'node:assert/strict';
import { pipeFile, publishFile } from '../support/ffmpeg.ts';
import { missingFfmpeg8, publishWithFfmpeg8 } from '../support/ffmpeg8.ts';
import { missingGStreamer, publishWithGStreamer, remuxWithGStreamer } from '../support/gstreamer.ts';
import { missing, within } from '../support/tools.ts';
import { publishOverHttp2, publishOverWebSocket } from '../support/tools-flv-client.ts';
import { type Lab, label, type Transport } from '../support/tools-lab.ts';

/** The table's row: a program that publishes a file in real time over one transport. */
export interface PublisherKind {
  readonly name: string;
  readonly transport: Transport;
  readonly skip: string | false;
  /** The file whose timestamps the players see: the source itself, or what the program makes of it before it sends. */
  asSent(lab: Lab, file: string): Promise<string>;
  /** Resolves when it has published everything and ended well. */
  publish(lab: Lab, file: string, url: string): Promise<void>;
}

const DEADLINE_MS = 20_000;

const asItIs = async (_lab: Lab, file: string): Promise<string> => file;

const ffmpegPublishers = (['rtmp', 'rtmps', 'http-flv', 'https-flv'] as const).map(
  (transport): PublisherKind => ({
    name: 'ffmpeg 5.1',
    transport,
    skip: missing('ffmpeg'),
    asSent: asItIs,
    publish: async (lab, file, url) => {
      const program = publishFile(lab, file, url);
      await program.finish(DEADLINE_MS);
      assert.equal(program.stderr, '');
    },
  }),
);

const http2Publisher: PublisherKind = {
  name: 'ffmpeg 5.1 through an HTTP/2 client',
  transport: 'https-flv',
  skip: missing('ffmpeg'),
  asSent: asItIs,
  publish: async (lab, file, url) => {
    const status = publishOverHttp2(url, pipeFile(lab, file).output);
    assert.equal(await within(status, 'the answer to a POST', DEADLINE_MS), 200);
  },
};

const webSocketPublishers = (['ws-flv', 'wss-flv'] as const).map(
  (transport): PublisherKind => ({
    name: 'ffmpeg 5.1 through a WebSocket client',
    transport,
    skip: missing('ffmpeg'),
    asSent: asItIs,
    publish: async (lab, file, url) => {
      const code = publishOverWebSocket(url, pipeFile(lab, file).output);
      assert.equal(await within(code, 'the close of a WebSocket', DEADLINE_MS), 1000);
    },
  }),
);

/** FFmpeg 8 over every transport that it publishes over. */
export const ffmpeg8Publishers = (['rtmp', 'rtmps', 'http-flv', 'https-flv'] as const).map(
  (transport): PublisherKind => ({
    name: 'FFmpeg 8',
    transport,
    skip: missingFfmpeg8(),
    asSent: asItIs,
    publish: async (lab, file, url) => {
      await publishWithFfmpeg8(lab, file, url).program.finish(DEADLINE_MS);
    },
  }),
);

const gstreamerPublishers = (
  [
    ['rtmp2sink', 'rtmp'],
    ['rtmp2sink', 'rtmps'],
    ['rtmpsink', 'rtmp'],
  ] as const
).map(
  ([sink, transport]): PublisherKind => ({
    name: `GStreamer’s flvmux and ${sink}`,
    transport,
    skip: missingGStreamer(),
    asSent: remuxWithGStreamer,
    publish: async (lab, file, url) => {
      await publishWithGStreamer(lab, file, url, sink).finish(DEADLINE_MS);
    },
  }),
);

/** Every program that publishes H.264 and AAC. */
export const publishers: readonly PublisherKind[] = [
  ...ffmpegPublishers,
  http2Publisher,
  ...webSocketPublishers,
  ...ffmpeg8Publishers,
  ...gstreamerPublishers,
];

/** `ffmpeg 5.1 over RTMPS` */
export function nameOf(publisher: PublisherKind): string {
  return `${publisher.name} over ${label(publisher.transport)}`;
}
