import { encodeAmf0 } from '../protocols/amf/amf0.ts';
import type { Outlet } from './outlet.ts';
import { RtmpConnection } from './rtmp-connection.ts';
import type { Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';

/** What RTMP publishers put before onMetaData, for a server to remember it. */
const SET_DATA_FRAME = encodeAmf0(['@setDataFrame']);

/** Publishes over RTMP or RTMPS. */
export async function openRtmpOutlet(target: Target, options: ConnectOptions): Promise<Outlet> {
  const connection = await RtmpConnection.open(target, { ...options, mode: 'publish' });
  return {
    ending: connection.ending,
    get pending() {
      return connection.pending;
    },
    send: (kind, timestampMs, body) =>
      connection.send(kind, timestampMs, kind === 'data' ? Buffer.concat([SET_DATA_FRAME, body]) : body),
    finish: () => connection.close(),
  };
}
