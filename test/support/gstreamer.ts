import { missing, type Program } from './tools.ts';
import type { Lab } from './tools-lab.ts';

export const missingGStreamer = (): string | false => missing('gst-launch-1.0');

const OFFLINE_MS = 30_000;

/** Reads an FLV file and muxes it anew; `sink` takes what comes out. */
function remux(lab: Lab, file: string, sink: readonly string[]): Program {
  return lab.programs.start('gst-launch-1.0', [
    ...['-q', 'filesrc', `location=${file}`, '!', 'flvdemux', 'name=demuxer'],
    ...['flvmux', 'streamable=true', 'name=muxer', '!', ...sink],
    ...['demuxer.video', '!', 'queue', '!', 'muxer.video', 'demuxer.audio', '!', 'queue', '!', 'muxer.audio'],
  ]);
}

/** What GStreamer makes of an FLV file before it publishes it: the same payloads, other timestamps. */
export async function remuxWithGStreamer(lab: Lab, file: string): Promise<string> {
  const remuxed = lab.file('flvmux.flv');
  await remux(lab, file, ['filesink', `location=${remuxed}`]).finish(OFFLINE_MS);
  return remuxed;
}

/**
 * Publishes an FLV file in real time, muxed anew by flvmux. `rtmp2sink` is GStreamer's own client, also over TLS;
 * `rtmpsink` is librtmp's, as OBS has it.
 */
export function publishWithGStreamer(lab: Lab, file: string, url: string, sink: 'rtmp2sink' | 'rtmpsink'): Program {
  const tls = url.startsWith('rtmps:') ? ['tls-validation-flags=0'] : [];
  return remux(lab, file, [sink, ...tls, `location=${url}`]);
}

/** Plays over RTMP with rtmp2src into an FLV file. */
export function playWithGStreamer(lab: Lab, url: string, file: string): Program {
  return lab.programs.start('gst-launch-1.0', [
    '-q',
    'rtmp2src',
    `location=${url}`,
    '!',
    'filesink',
    `location=${file}`,
  ]);
}
