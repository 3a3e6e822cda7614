import { ByteReader } from '../../bytes/byte-reader.ts';
import { flvError } from './flv-error.ts';
import { backPointerBytes, decodeTagHeader, type FlvTag, tagHeaderBytes } from './flv-tag.ts';

/** RTMP 1.0, 7.1.6. */
const aggregateType = 22;

/** Messages of one aggregate; servers that write them put in a fraction of a second. */
export const maxAggregateMessages = 4096;

/**
 * The messages inside an aggregate message (RTMP type 22), which are FLV tags: their stamps keep their distances and begin
 * at `timestampMs`, the aggregate's. The last back pointer may be missing. Throws `ProtocolError` when it is cut short.
 */
export function splitAggregate(body: Buffer, timestampMs: number): FlvTag[] {
  const reader = new ByteReader(body, flvError);
  const tags: FlvTag[] = [];
  let first: number | null = null;
  while (reader.remaining > 0) {
    if (tags.length === maxAggregateMessages) {
      throw flvError(`aggregate of more than ${maxAggregateMessages} messages`, reader.position);
    }
    const tag = decodeTagHeader(reader.take(tagHeaderBytes));
    if (tag.type === aggregateType) throw flvError('aggregate inside an aggregate', reader.position);
    first ??= tag.timestampMs;
    tags.push({
      type: tag.type,
      timestampMs: (timestampMs + tag.timestampMs - first) >>> 0,
      body: reader.take(tag.size),
    });
    reader.skip(Math.min(backPointerBytes, reader.remaining));
  }
  return tags;
}
