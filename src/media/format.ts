import type { AVPacket, Track } from './packet.ts';
import type { Micros } from './time.ts';

/** What a live stream knows of itself; read by muxers for a newcomer. */
export interface StreamState {
  /** The tracks seen so far, in the order they appeared. */
  readonly tracks: readonly Track[];
  /**
   * What a newcomer needs before media, in the order he needs it: metadata; per audio track config, then channels; per
   * video track colour, then config.
   */
  readonly remembered: readonly AVPacket[];
}

/** Turns packets into units of one format, once for all players of that format. */
export interface Muxer<Unit> {
  /** What a newcomer needs before live data, stamped `at`, the time of the media that follows. */
  begin(stream: StreamState, at: Micros): Unit[];
  /** The packet in this format's words; `null` when it has none. */
  mux(packet: AVPacket): Unit | null;
}

/** A way to write a stream. Two formats of one name make equal bytes: players of equal names share one muxer. */
export interface Format<Unit = Buffer> {
  readonly name: string;
  /** Does the beginning state which kinds of tracks follow (the flags of an FLV header)? Then a newcomer waits for them to be known. */
  readonly needsTracks: boolean;
  /** Are video packets written? A newcomer without video need not wait for a keyframe. */
  readonly hasVideo: boolean;
  /** Is it never held back to be written together with what follows? For hops within the server. */
  readonly isPrompt?: boolean;
  createMuxer(): Muxer<Unit>;
}

class PacketMuxer implements Muxer<AVPacket> {
  begin(stream: StreamState, at: Micros): AVPacket[] {
    return stream.remembered.map((packet) => packet.at(at));
  }

  mux(packet: AVPacket): AVPacket {
    return packet;
  }
}

/** The identity: units are the packets themselves. For recorders of other containers, segmenters, tests. */
export const packets: Format<AVPacket> = {
  name: 'packets',
  needsTracks: false,
  hasVideo: true,
  createMuxer: () => new PacketMuxer(),
};
