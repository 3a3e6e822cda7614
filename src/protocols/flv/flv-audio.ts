import type { CodecName } from '../../media/packet.ts';
import { audioPacketType, type ExHeader, type ExPart, isEx, readExHeader } from './ex-header.ts';
import { audioFourCcs, soundFormats } from './flv-codecs.ts';
import { flvError } from './flv-error.ts';
import { configPiece, type Piece, piece } from './flv-piece.ts';

/** The pieces of an audio body (FLV E.4.2; Enhanced RTMP v2, "Enhanced Audio"). Zero bytes mean silence. */
export function readAudio(body: Buffer, maxTracks: number): Piece[] {
  if (body.length === 0) return [piece(0, null, 'other', body)];
  if (!isEx('audio', body)) return [readLegacy(body)];
  const header = readExHeader('audio', body, maxTracks);
  if (header.parts.length === 0) return [piece(0, 'unknown', 'other', body.subarray(body.length))];
  return header.parts.map((part) => readPart(header, part));
}

/**
 *     SoundFormat:4 SoundRate:2 SoundSize:1 SoundType:1 [ AAC: packetType:8 ] data
 */
function readLegacy(body: Buffer): Piece {
  const codec: CodecName = soundFormats.get(body[0]! >> 4) ?? 'unknown';
  if (codec === 'unknown') return piece(0, codec, 'other', body.subarray(1));
  if (codec !== 'aac') return piece(0, codec, 'frame', body.subarray(1));
  const packetType = body[1];
  if (packetType === undefined) throw flvError('AAC body of 1 byte, at least 2 needed', 1);
  const data = body.subarray(2);
  if (packetType === 0) return configPiece(0, codec, data);
  return packetType === 1 ? piece(0, codec, 'frame', data) : piece(0, 'unknown', 'other', data);
}

function readPart(header: ExHeader, { fourCc, trackId, data }: ExPart): Piece {
  const codec = audioFourCcs.get(fourCc);
  if (codec === undefined) return piece(trackId, 'unknown', 'other', data);
  switch (header.packetType) {
    case audioPacketType.sequenceStart:
      return configPiece(trackId, codec, data);
    case audioPacketType.codedFrames:
      return { ...piece(trackId, codec, 'frame', data), nanos: header.nanos };
    case audioPacketType.sequenceEnd:
      return piece(trackId, codec, 'end', data);
    case audioPacketType.multichannelConfig:
      if (data.length < 2) throw flvError(`multichannel configuration of ${data.length} bytes, at least 2 needed`);
      return piece(trackId, codec, 'channels', data);
    default:
      return piece(trackId, 'unknown', 'other', data);
  }
}
