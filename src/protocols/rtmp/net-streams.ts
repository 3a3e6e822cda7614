import { NetStream } from './net-stream.ts';
import type { RtmpEvent } from './rtmp-event.ts';
import type { RtmpLink } from './rtmp-link.ts';

const MAX_STREAM_ID = 0xffffffff;

/** The message streams of one connection, `maxMessageStreams` at most. */
export class NetStreams {
  readonly #link: RtmpLink;
  readonly #emit: (event: RtmpEvent) => unknown;
  readonly #streams = new Map<number, NetStream>();
  #lastId = 0;

  constructor(link: RtmpLink, emit: (event: RtmpEvent) => unknown) {
    this.#link = link;
    this.#emit = emit;
  }

  /** The stream of this id, if it is open. */
  get(id: number): NetStream | undefined {
    return this.#streams.get(id);
  }

  /** With the next id: 1, 2, 3 and so on. `null`: there are too many. */
  create(): NetStream | null {
    let id = this.#lastId;
    do id = (id % MAX_STREAM_ID) + 1;
    while (this.#streams.has(id));
    const stream = this.open(id);
    if (stream !== null) this.#lastId = id;
    return stream;
  }

  /** The stream of this id, made if need be. `null`: there are too many. */
  open(id: number): NetStream | null {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    if (this.#streams.size >= this.#link.limits.maxMessageStreams) return null;
    const stream = new NetStream(id, this.#link, this.#emit);
    this.#streams.set(id, stream);
    return stream;
  }

  /** Ends what runs on it and closes it. */
  delete(id: number): void {
    this.#streams.get(id)?.end('deleteStream');
    this.#streams.delete(id);
  }

  /** The stream that media on `id` is for. Some senders leave 0 there: then it is for the only one that publishes. */
  receiving(id: number): NetStream | undefined {
    const addressed = this.#streams.get(id);
    if (addressed !== undefined || id !== 0) return addressed?.isPublishing === true ? addressed : undefined;
    const publishing = this.#publishing();
    return publishing.length === 1 ? publishing[0] : undefined;
  }

  /** The stream that FCUnpublish means: the message's own, or by the name, which FFmpeg and OBS send on stream 0. */
  unpublishing(id: number, name: string): NetStream | undefined {
    const publishing = this.#publishing();
    return publishing.find((stream) => stream.id === id) ?? publishing.find((stream) => stream.name === name);
  }

  #publishing(): NetStream[] {
    return [...this.#streams.values()].filter((stream) => stream.isPublishing);
  }
}
