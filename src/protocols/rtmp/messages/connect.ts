import { type AmfObject, amfObject } from '../../amf/amf-value.ts';
import { type PeerCapabilities, serverCapabilities } from '../peer-capabilities.ts';
import type { Command, StatusInfo } from './command.ts';

/**
 * The answer to an accepted `connect` (RTMP 1.0, 7.2.1.1). A peer that announced Enhanced RTMP learns what the server
 * knows of it; old ones are spared the unknown keys.
 */
export function connectResult(transactionId: number, peer: PeerCapabilities): Command {
  const properties = amfObject({ fmsVer: 'FMS/3,0,1,123', capabilities: 31, mode: 1 });
  const info = amfObject({
    level: 'status',
    code: 'NetConnection.Connect.Success',
    description: 'Connection succeeded.',
    objectEncoding: peer.objectEncoding,
    ...(peer.isEnhanced ? serverCapabilities() : {}),
  });
  return { name: '_result', transactionId, values: [properties, info] };
}

/** The answer to a call that is refused. */
export function callError(transactionId: number, code: string, description: string): Command {
  const info: StatusInfo = { level: 'error', code, description };
  return { name: '_error', transactionId, values: [null, { ...info } satisfies AmfObject] };
}
