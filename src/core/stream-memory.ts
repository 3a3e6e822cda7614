import { type AVPacket, MetadataPacket, type Track } from '../media/packet.ts';

type Slot = 'color' | 'config' | 'channels';

interface TrackMemory {
  track: Track;
  readonly headers: Map<Slot, AVPacket>;
}

/** The order a newcomer's decoder wants. */
const ORDER: readonly Slot[] = ['color', 'config', 'channels'];

/** What a stream remembers for newcomers: metadata, and each track's headers. The newest of a kind wins. */
export class StreamMemory {
  readonly #tracks = new Map<string, TrackMemory>();
  #metadata: AVPacket | null = null;
  #trackList: readonly Track[] = [];
  #remembered: readonly AVPacket[] | null = null;
  #hasVideo = false;
  #hasAudio = false;
  /** Met last: nothing to learn from another frame of the same. */
  #lastVideo: Track | null = null;
  #lastAudio: Track | null = null;

  get tracks(): readonly Track[] {
    return this.#trackList;
  }

  get hasVideo(): boolean {
    return this.#hasVideo;
  }

  get metadata(): Readonly<Record<string, unknown>> | null {
    return this.#metadata instanceof MetadataPacket ? this.#metadata.values : null;
  }

  /** Metadata; then audio headers, then video headers, each track's in order. */
  get remembered(): readonly AVPacket[] {
    this.#remembered ??= this.#collect();
    return this.#remembered;
  }

  /** Are all kinds of tracks seen that the metadata announces (or both kinds, when it announces nothing)? */
  get isComplete(): boolean {
    if (this.#hasVideo && this.#hasAudio) return true;
    const metadata = this.metadata;
    if (metadata === null) return false;
    const wantsVideo = metadata['videocodecid'] !== undefined || metadata['hasVideo'] === true;
    const wantsAudio = metadata['audiocodecid'] !== undefined || metadata['hasAudio'] === true;
    if (!wantsVideo && !wantsAudio) return false;
    return (!wantsVideo || this.#hasVideo) && (!wantsAudio || this.#hasAudio);
  }

  clear(): void {
    this.#tracks.clear();
    this.#metadata = null;
    this.#trackList = [];
    this.#remembered = null;
    this.#hasVideo = false;
    this.#hasAudio = false;
    this.#lastVideo = null;
    this.#lastAudio = null;
  }

  /** `repeated`: players have this header already. `changed`: cached media does not fit the new one. */
  remember(packet: AVPacket): 'new' | 'repeated' | 'changed' | 'not a header' {
    if (packet.type === 'metadata') {
      this.#metadata = packet;
      this.#remembered = null;
      return 'new';
    }
    if (packet.type === 'other' || packet.track.kind === 'data') return 'not a header';
    if (packet.isMedia && (packet.track === this.#lastVideo || packet.track === this.#lastAudio)) return 'not a header';
    const known = this.#meet(packet.track);
    if (packet.track.kind === 'video') this.#lastVideo = packet.track;
    else this.#lastAudio = packet.track;
    if (packet.type !== 'config' && packet.type !== 'color' && packet.type !== 'channels') return 'not a header';
    const previous = known.headers.get(packet.type);
    if (previous !== undefined && isSame(previous, packet)) return 'repeated';
    known.headers.set(packet.type, packet);
    this.#remembered = null;
    return previous !== undefined && packet.type === 'config' ? 'changed' : 'new';
  }

  #meet(track: Track): TrackMemory {
    const key = `${track.kind}${track.id}`;
    let known = this.#tracks.get(key);
    if (known === undefined) {
      known = { track, headers: new Map() };
      this.#tracks.set(key, known);
      if (track.id === 0 && track.kind === 'video') this.#hasVideo = true;
      if (track.id === 0 && track.kind === 'audio') this.#hasAudio = true;
      this.#list();
    } else if (known.track !== track) {
      known.track = track;
      this.#list();
    }
    return known;
  }

  #list(): void {
    this.#trackList = [...this.#tracks.values()].map((known) => known.track);
  }

  #collect(): AVPacket[] {
    const packets: AVPacket[] = this.#metadata === null ? [] : [this.#metadata];
    for (const kind of ['audio', 'video'] as const) {
      for (const { track, headers } of this.#tracks.values()) {
        if (track.kind !== kind) continue;
        for (const slot of ORDER) {
          const header = headers.get(slot);
          if (header !== undefined) packets.push(header);
        }
      }
    }
    return packets;
  }
}

/** The same message again, or (several tracks in one message) the same track's part of it. */
function isSame(a: AVPacket, b: AVPacket): boolean {
  return a.track.codec === b.track.codec && a.data.equals(b.data) && (a.track.id !== 0 || hasSameWrapping(a, b));
}

function hasSameWrapping(a: AVPacket, b: AVPacket): boolean {
  return a.origin === null || b.origin === null || a.origin.equals(b.origin);
}
