import { CapsEx } from '../protocols/rtmp/peer-capabilities.ts';
import type { Inlet, InletListener } from './inlet.ts';
import { RtmpConnection } from './rtmp-connection.ts';
import type { Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';

/** Plays over RTMP or RTMPS; announces that all codecs and tracks are welcome. */
export async function openRtmpInlet(target: Target, options: ConnectOptions, listener: InletListener): Promise<Inlet> {
  const request = {
    ...options,
    mode: 'play',
    capsEx: CapsEx.multitrack | CapsEx.modEx | CapsEx.timestampNanoOffset,
    fourCcList: ['*'],
  } as const;
  const connection = await RtmpConnection.open(target, request, {
    onBytes: (count) => listener.onBytes(count),
    onMedia: (event) => (event.kind === 'packet' ? listener.onPacket(event.packet) : listener.onMalformed()),
  });
  return { ending: connection.ending, close: () => connection.close() };
}
