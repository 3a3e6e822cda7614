import assert from 'node:assert/strict';
import type { AmfObject } from '../../src/protocols/amf/amf-value.ts';
import { amfObject } from '../../src/protocols/amf/amf-value.ts';
import { encodeAmf0 } from '../../src/protocols/amf/amf0.ts';
import { decodeFileMetadata } from '../../src/protocols/flv/flv-file-head.ts';
import { decodeTagHeader, encodeFlvHeader, encodeTag, flvTagType } from '../../src/protocols/flv/flv-tag.ts';
import { type FlvTagRole, tagRole } from '../../src/protocols/flv/flv-tag-role.ts';

export const video = (timestampMs: number, body: Buffer) => encodeTag({ type: flvTagType.video, timestampMs, body });
export const audio = (timestampMs: number, body: Buffer) => encodeTag({ type: flvTagType.audio, timestampMs, body });
export const metadata = (values: AmfObject) =>
  encodeTag({ type: flvTagType.data, timestampMs: 0, body: encodeAmf0(['onMetaData', amfObject(values)]) });
export const flvHeader: Buffer = encodeFlvHeader({ hasAudio: true, hasVideo: true });

export interface ReadTag {
  readonly role: FlvTagRole;
  readonly timeMs: number;
  readonly position: number;
  readonly body: Buffer;
}

export interface ReadFile {
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
  /** onMetaData of the first tag. */
  readonly values: Record<string, unknown>;
  /** All tags behind it. */
  readonly tags: readonly ReadTag[];
  /** Seconds and bytes of the index; none: empty. */
  readonly keyframes: readonly (readonly [seconds: number, position: number])[];
}

/** Reads a whole FLV file and takes offence at whatever a strict reader may. */
export function readFlv(bytes: Buffer): ReadFile {
  assert.equal(bytes.toString('latin1', 0, 3), 'FLV');
  assert.equal(bytes.readUInt32BE(5), 9);
  assert.equal(bytes.readUInt32BE(9), 0);
  const tags: ReadTag[] = [];
  for (let at = 13; at < bytes.length; ) {
    assert.ok(at + 11 <= bytes.length, `a tag's header is cut at ${at}`);
    const { type, size, timestampMs } = decodeTagHeader(bytes, at);
    const end = at + 11 + size;
    assert.ok(end + 4 <= bytes.length, `a tag is cut at ${at}`);
    assert.equal(bytes.readUInt32BE(end), 11 + size, `the back pointer at ${end}`);
    const body = bytes.subarray(at + 11, end);
    tags.push({ role: tagRole(type, body), timeMs: timestampMs, position: at, body });
    at = end + 4;
  }
  const [first, ...rest] = tags;
  assert.equal(first?.role, 'metadata');
  const values: Record<string, unknown> = { ...decodeFileMetadata(first.body) };
  const { times = [], filepositions = [] } = (values['keyframes'] ?? {}) as Record<string, number[]>;
  assert.equal(times.length, filepositions.length);
  return {
    hasAudio: (bytes[4]! & 4) !== 0,
    hasVideo: (bytes[4]! & 1) !== 0,
    values,
    tags: rest,
    keyframes: times.map((seconds, index) => [seconds, filepositions[index]!] as const),
  };
}

const mediaOf = ({ tags }: ReadFile): readonly ReadTag[] =>
  tags.filter(({ role }) => role === 'key' || role === 'video' || role === 'audio');

/** What a strict reader thinks of a file as the recorder closes it: its media starts at zero, and its head is true. */
export function assertClosed(bytes: Buffer): ReadFile {
  const file = assertTrueHead(bytes);
  assert.equal(Math.min(...mediaOf(file).map(({ timeMs }) => timeMs)), 0);
  return file;
}

/** The head says the truth of the file, whatever stamps damage has left in it, and each entry of its index is one. */
export function assertTrueHead(bytes: Buffer): ReadFile {
  const file = readFlv(bytes);
  const { values, tags, keyframes } = file;
  const media = mediaOf(file);
  assert.equal(values['filesize'], bytes.length);
  assert.equal(values['lasttimestamp'], Math.max(...media.map(({ timeMs }) => timeMs)) / 1000);
  assert.equal(values['hasVideo'], file.hasVideo);
  assert.equal(values['hasAudio'], file.hasAudio);
  for (const [seconds, position] of keyframes.slice(1)) {
    const at = tags.findIndex((tag) => tag.position === position);
    assert.ok(at >= 0, `no tag at ${position}`);
    const entry = tags.slice(at).find(({ role }) => role !== 'header' && role !== 'other');
    assert.equal(entry?.role, file.hasVideo ? 'key' : 'audio');
    assert.equal(entry.timeMs / 1000, seconds);
  }
  return file;
}
