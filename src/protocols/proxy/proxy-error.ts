import { ProtocolError } from '../../errors.ts';

export function proxyError(message: string, limit = ''): ProtocolError {
  return new ProtocolError('NMS_PROTOCOL_PROXY', message, { position: 0, section: 'PROXY protocol', limit });
}
