import assert from 'node:assert/strict';

/** What a player made of a stream. */
export interface Heard {
  /** A hash per packet of each track, in the order of their arrival. */
  readonly tracks: readonly HeardTrack[];
  /** Everything it complained about; '' if it did not. */
  readonly complaints: string;
}

export interface HeardTrack {
  readonly kind: 'video' | 'audio';
  readonly hashes: readonly string[];
  /** Frames that its decoder gave out; `null` when it does not decode. */
  readonly framesDecoded: number | null;
}

/** The tracks of one kind, in order. */
export function tracksOf(heard: Heard, kind: 'video' | 'audio'): readonly HeardTrack[] {
  return heard.tracks.filter((track) => track.kind === kind);
}

/** The only track of a kind. */
export function trackOf(heard: Heard, kind: 'video' | 'audio'): HeardTrack {
  const [track, ...others] = tracksOf(heard, kind);
  assert.ok(track !== undefined && others.length === 0, `${others.length + (track ? 1 : 0)} ${kind} tracks, not one`);
  return track;
}

function assertSameKinds(heard: Heard, source: Heard): void {
  assert.equal(heard.complaints, '');
  for (const kind of ['video', 'audio'] as const) {
    assert.equal(tracksOf(heard, kind).length, tracksOf(source, kind).length, `the number of ${kind} tracks`);
  }
}

/** Pairs of the same track here and at the source. */
function pairs(heard: Heard, source: Heard): readonly (readonly [HeardTrack, HeardTrack])[] {
  return (['video', 'audio'] as const).flatMap((kind) => {
    const theirs = tracksOf(source, kind);
    return tracksOf(heard, kind).map((track, index) => [track, theirs[index]!] as const);
  });
}

/** Every packet of the source arrived, in order, untouched; every frame of it was decoded, without a complaint. */
export function assertSame(heard: Heard, source: Heard): void {
  assertSameKinds(heard, source);
  for (const [track, original] of pairs(heard, source)) {
    assert.equal(track.hashes.length, original.hashes.length, `${track.kind} packets`);
    assert.deepEqual(track.hashes, original.hashes);
    if (track.framesDecoded !== null) {
      assert.equal(track.framesDecoded, original.framesDecoded, `${track.kind} frames decoded`);
    }
  }
}

/** As `assertSame`, but so many of the last packets of each track may be absent. */
export function assertSameBut(heard: Heard, source: Heard, lost: number): void {
  assertSameKinds(heard, source);
  for (const [track, original] of pairs(heard, source)) {
    const count = track.hashes.length;
    assert.ok(original.hashes.length - count <= lost, `${count} of ${original.hashes.length} ${track.kind} packets`);
    assert.deepEqual(track.hashes, original.hashes.slice(0, count));
  }
}

/**
 * The end of the source, from a keyframe on, that begins after the source's own beginning: what a player gets that came
 * late. A group of pictures has `gop` frames.
 */
export function assertLate(heard: Heard, source: Heard, gop: number): void {
  assertSameKinds(heard, source);
  for (const [track, original] of pairs(heard, source)) {
    const { length } = track.hashes;
    assert.ok(length > 0, `no ${track.kind}`);
    assert.ok(length < original.hashes.length, `${track.kind} came too early to be late`);
    assert.deepEqual(track.hashes, original.hashes.slice(-length));
    if (track.kind === 'video') assert.equal((original.hashes.length - length) % gop, 0, 'begins with a keyframe');
    if (track.framesDecoded !== null) assert.equal(track.framesDecoded, length, `${track.kind} frames decoded`);
  }
}

/** One packet of a `framehash` of ffmpeg. */
export interface HashedPacket {
  readonly stream: number;
  /** In the units of its stream's time base. */
  readonly dts: number;
  readonly pts: number;
  readonly hash: string;
}

/** Reads what `ffmpeg -f framehash` wrote: the kind of each stream, and its packets or frames. */
export function readFramehash(text: string): {
  readonly kinds: readonly ('video' | 'audio')[];
  readonly packets: readonly HashedPacket[];
} {
  const kinds: ('video' | 'audio')[] = [];
  const packets: HashedPacket[] = [];
  for (const line of text.split('\n')) {
    const kind = /^#media_type (\d+): (video|audio)/.exec(line);
    if (kind !== null) kinds[Number(kind[1])] = kind[2] as 'video' | 'audio';
    if (line === '' || line.startsWith('#')) continue;
    const [stream, dts, pts, , , hash] = line.split(',').map((cell) => cell.trim());
    packets.push({ stream: Number(stream), dts: Number(dts), pts: Number(pts), hash: hash ?? '' });
  }
  return { kinds, packets };
}
