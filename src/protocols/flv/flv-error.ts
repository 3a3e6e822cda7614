import { ProtocolError } from '../../errors.ts';

/** The one error of FLV: `position` is the byte of the body, or of the file for the demuxer. */
export function flvError(message: string, position = -1, limit = ''): ProtocolError {
  return new ProtocolError('NMS_PROTOCOL_FLV', position < 0 ? message : `${message} (FLV byte ${position})`, {
    position,
    limit,
    section: 'FLV E.4, Enhanced RTMP v2',
  });
}
