import { EndError, ProtocolError } from '../errors.ts';
import { FlvDemuxer } from '../protocols/flv/flv-demuxer.ts';
import type { Ending } from './ending.ts';
import { protocolFailure } from './failure.ts';
import type { InletListener } from './inlet.ts';
import type { Target } from './target.ts';

/** FLV as it comes from a server, handed on as packets. */
export class FlvInput {
  readonly #target: Target;
  readonly #ending: Ending;
  readonly #listener: InletListener;
  readonly #demuxer = new FlvDemuxer();
  #malformed = 0;

  constructor(target: Target, ending: Ending, listener: InletListener) {
    this.#target = target;
    this.#ending = ending;
    this.#listener = listener;
  }

  push(chunk: Buffer): void {
    if (this.#ending.reason !== null) return;
    this.#listener.onBytes(chunk.length);
    try {
      this.#demuxer.push(chunk);
      for (let packets = this.#demuxer.next(); packets !== null; packets = this.#demuxer.next()) {
        for (const packet of packets) this.#listener.onPacket(packet);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#ending.because(protocolFailure(error, this.#target));
    }
    for (; this.#malformed < this.#demuxer.malformed; this.#malformed++) this.#listener.onMalformed();
  }

  /** The stream is over, in order. */
  end(): void {
    const cut = this.#demuxer.header === null ? ' before it began' : '';
    this.#ending.because(new EndError(`the stream ended${cut}`));
  }
}
