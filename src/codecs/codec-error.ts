import { ProtocolError } from '../errors.ts';

/** The one error of codec records and headers; `position` is the byte of the record. */
export function codecError(message: string, position = -1): ProtocolError {
  return new ProtocolError('NMS_PROTOCOL_CODEC', position < 0 ? message : `${message} (record byte ${position})`, {
    position,
  });
}

/** Refuses sizes that no level of any codec has. */
export function checkPicture(width: number, height: number): void {
  if (width < 1 || height < 1 || width > 0xffff || height > 0xffff) throw codecError(`picture of ${width}x${height}`);
}
