import { type AmfObject, amfObject } from '../amf/amf-value.ts';
import type { FlvTagRole } from './flv-tag-role.ts';

/**
 * Entries of an index: four hours at a keyframe every two seconds. Of a longer file every second one is kept, then every
 * fourth, and so on. They fit into the head of a file, and into what readers of AMF accept by default.
 */
export const maxIndexEntries = 7_000;
/** Distance of two entries in a file without pictures. */
const AUDIO_ENTRY_MS = 2_000;
/** A longer distance between two frames is a gap, not the length of the last one. */
const MAX_FRAME_MS = 250;

/** A tag of a file, as its index sees it. */
export interface FlvFileTag {
  readonly role: FlvTagRole;
  /** Milliseconds since the beginning of the file. */
  readonly timeMs: number;
  /** The byte of the file at which the tag begins. */
  readonly position: number;
}

interface Entry {
  readonly timeMs: number;
  readonly position: number;
}

/** What onMetaData says of a closed file: how long it is, and where a player can jump to. Bounded, however long the file. */
export class FlvFileIndex {
  readonly #maxEntries: number;
  #entries: Entry[] = [];
  /** One of so many places is an entry. */
  #stride = 1;
  #places = 0;
  #first: FlvFileTag | null = null;
  #second: FlvFileTag | null = null;
  #lastKey: Entry | null = null;
  #lastVideoMs = -1;
  #lastAudioMs = -1;
  /** How long the last picture and the last sound are, as far as can be known. */
  #videoFrameMs = 0;
  #audioFrameMs = 0;
  #lastEntryMs = Number.NEGATIVE_INFINITY;
  /** Where the headers begin that came since the last media. */
  #headerAt = -1;

  constructor(maxEntries = maxIndexEntries) {
    this.#maxEntries = maxEntries;
  }

  get hasVideo(): boolean {
    return this.#lastVideoMs >= 0;
  }

  get hasAudio(): boolean {
    return this.#lastAudioMs >= 0;
  }

  get hasMedia(): boolean {
    return this.hasVideo || this.hasAudio;
  }

  /** Milliseconds: the newest stamp of the file. */
  get lastMs(): number {
    return Math.max(this.#lastVideoMs, this.#lastAudioMs, 0);
  }

  /** Milliseconds of media: the last frame of each kind is as long as the one before. */
  get durationMs(): number {
    const videoEnd = this.hasVideo ? this.#lastVideoMs + this.#videoFrameMs : 0;
    const audioEnd = this.hasAudio ? this.#lastAudioMs + this.#audioFrameMs : 0;
    return Math.max(videoEnd, audioEnd);
  }

  /** Tags in the order of the file. */
  add(tag: FlvFileTag): void {
    if (this.#first === null) this.#first = tag;
    else this.#second ??= tag;
    switch (tag.role) {
      case 'header':
        if (this.#headerAt < 0) this.#headerAt = tag.position;
        return;
      case 'key':
      case 'video':
        this.#addVideo(tag);
        break;
      case 'audio':
        this.#addAudio(tag);
        break;
      default:
        return;
    }
    this.#headerAt = -1;
  }

  #addVideo(tag: FlvFileTag): void {
    // Places of sound are none once there are pictures.
    if (!this.hasVideo) this.#clear();
    this.#videoFrameMs = frameLength(this.#lastVideoMs, tag.timeMs) ?? this.#videoFrameMs;
    this.#lastVideoMs = Math.max(this.#lastVideoMs, tag.timeMs);
    if (tag.role === 'key') this.#addPlace(tag);
  }

  #addAudio(tag: FlvFileTag): void {
    this.#audioFrameMs = frameLength(this.#lastAudioMs, tag.timeMs) ?? this.#audioFrameMs;
    this.#lastAudioMs = Math.max(this.#lastAudioMs, tag.timeMs);
    if (!this.hasVideo && tag.timeMs - this.#lastEntryMs >= AUDIO_ENTRY_MS) this.#addPlace(tag);
  }

  /** Whoever jumps to a picture with new headers before it needs them. */
  #addPlace({ timeMs, position }: FlvFileTag): void {
    const place = { timeMs, position: this.#headerAt >= 0 ? this.#headerAt : position };
    this.#lastEntryMs = timeMs;
    if (this.hasVideo) this.#lastKey = place;
    if (this.#places++ % this.#stride !== 0) return;
    this.#entries.push(place);
    if (this.#entries.length < this.#maxEntries) return;
    this.#entries = this.#entries.filter((_entry, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  #clear(): void {
    this.#entries = [];
    this.#stride = 1;
    this.#places = 0;
    this.#lastEntryMs = Number.NEGATIVE_INFINITY;
  }

  /** The file ends at `position` after all, with media up to `lastMs`. */
  cut(position: number, lastMs: number): void {
    this.#entries = this.#entries.filter((entry) => entry.position < position);
    if (this.#second !== null && this.#second.position >= position) this.#second = null;
    if (this.#lastKey !== null && this.#lastKey.position >= position) this.#lastKey = this.#entries.at(-1) ?? null;
    this.#lastVideoMs = Math.min(this.#lastVideoMs, lastMs);
    this.#lastAudioMs = Math.min(this.#lastAudioMs, lastMs);
  }

  /** What is said of a file of so many bytes, for its onMetaData; seconds and bytes. Without `entries` in a few words. */
  values(fileBytes: number, { entries }: { readonly entries: boolean }): AmfObject {
    const lastKey = this.#lastKey;
    const isListed = entries && this.#entries.length > 0;
    const values = amfObject({
      duration: this.durationMs / 1000,
      filesize: fileBytes,
      lasttimestamp: this.lastMs / 1000,
      hasVideo: this.hasVideo,
      hasAudio: this.hasAudio,
      hasMetadata: true,
      hasKeyframes: lastKey !== null,
      canSeekToEnd: lastKey !== null && lastKey.timeMs === this.#lastVideoMs,
    });
    if (lastKey !== null) {
      values['lastkeyframetimestamp'] = lastKey.timeMs / 1000;
      values['lastkeyframelocation'] = lastKey.position;
    }
    if (isListed) values['keyframes'] = this.#keyframes();
    return values;
  }

  #keyframes(): AmfObject {
    const listed = this.#listed();
    return amfObject({
      times: listed.map(({ timeMs }) => timeMs / 1000),
      filepositions: listed.map(({ position }) => position),
    });
  }

  /**
   * mpegts.js leaves the first entry out: by custom it is the sequence header's. FFmpeg leaves out all, unless the first two
   * are two tags, one behind the other. So the first leads to the first tag, and the next is past that.
   */
  #listed(): readonly Entry[] {
    const first = this.#first!;
    const second = this.#second;
    const [start, ...others] = this.#entries;
    const entry = { timeMs: 0, position: first.position };
    if (start!.position !== first.position) return [entry, ...this.#entries];
    if (second !== null && first.role === 'header') return [entry, { ...start!, position: second.position }, ...others];
    // Of sound without headers one piece is as good as the next; of pictures it is not.
    return second?.role === 'audio' && !this.hasVideo ? [entry, second, ...others] : [entry, ...others];
  }
}

/** The length of a frame, by the stamps of two that follow each other; `null` when they do not tell. */
function frameLength(beforeMs: number, nowMs: number): number | null {
  const length = nowMs - beforeMs;
  return beforeMs >= 0 && length > 0 && length <= MAX_FRAME_MS ? length : null;
}
