import { encodeFlvHeader, encodeTag, flvTagType } from '../protocols/flv/flv-tag.ts';
import type { FlvBodyKind } from '../protocols/flv/flv-packet-reader.ts';

/** The first bytes of what we publish as FLV. */
export const STREAM_HEADER: Buffer = encodeFlvHeader({ hasAudio: true, hasVideo: true });

const TAG_TYPES = { ...flvTagType, 'data-amf3': flvTagType.dataAmf3 } as const;

/** One tag of what we publish as FLV. */
export function streamTag(kind: FlvBodyKind, timestampMs: number, body: Buffer): Buffer {
  return encodeTag({ type: TAG_TYPES[kind], timestampMs, body });
}
