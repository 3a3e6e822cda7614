import type { FlvBodyKind } from '../../flv/flv-packet-reader.ts';

/** RTMP 1.0, 5.4 and 7.1: the type ids of messages. */
export const MessageType = {
  setChunkSize: 1,
  abort: 2,
  acknowledgement: 3,
  userControl: 4,
  windowAckSize: 5,
  setPeerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  sharedObjectAmf3: 16,
  commandAmf3: 17,
  data: 18,
  sharedObject: 19,
  command: 20,
  aggregate: 22,
} as const;

/** The chunk streams we write on: one per kind of message, as other servers do it. */
export const ChunkStreamId = {
  control: 2,
  connection: 3,
  audio: 4,
  /** onStatus and data messages. */
  stream: 5,
  video: 6,
} as const;

/** One message, put together from its chunks. */
export interface RtmpMessage {
  readonly chunkStreamId: number;
  /** Milliseconds modulo 2^32. */
  readonly timestamp: number;
  /** One of `MessageType`, or anything else a peer thinks of. */
  readonly typeId: number;
  /** The message stream it belongs to; 0 is the connection itself. */
  readonly streamId: number;
  /** Its own memory, not shared with the socket's buffers. */
  readonly payload: Buffer;
}

/** How the body of a media or data message is read; `null` for messages of other types. */
export function bodyKindOf(typeId: number): FlvBodyKind | null {
  switch (typeId) {
    case MessageType.audio:
      return 'audio';
    case MessageType.video:
      return 'video';
    case MessageType.data:
      return 'data';
    case MessageType.dataAmf3:
      return 'data-amf3';
    default:
      return null;
  }
}
