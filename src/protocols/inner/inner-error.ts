import { ProtocolError } from '../../errors.ts';

/** The one error of inner frames: `position` is the byte of the connection's input. */
export function innerError(message: string, position = -1, limit = ''): ProtocolError {
  const where = position < 0 ? message : `${message} (inner byte ${position})`;
  return new ProtocolError('NMS_PROTOCOL_INNER', where, { position, limit, section: 'src/protocols/inner' });
}
