import type { BroadcastServer } from '../../core/broadcast-server.ts';
import { Intake } from '../../core/intake.ts';
import { Rest } from '../../core/rest.ts';
import { Session, type SessionRegistry } from '../../core/session.ts';
import type { StreamAddress } from '../../core/stream-path.ts';
import { ConnectionError } from '../../errors.ts';
import type { InnerFrame } from '../../protocols/inner/inner-reader.ts';
import { endReason, type InnerLink } from './inner-link.ts';
import { innerOrigin, innerTarget } from './inner-origin.ts';

/** Publishes here what another process of this server has. */
export class InnerPublisher extends Session {
  readonly #link: InnerLink;
  readonly #onEnd: (reason: Error) => void;
  readonly #intake: Intake;
  readonly #rest: Rest;
  #broadcast: BroadcastServer | null = null;

  constructor(
    registry: SessionRegistry,
    link: InnerLink,
    options: { readonly address: StreamAddress; readonly onEnd: (reason: Error) => void },
  ) {
    super(registry, innerOrigin);
    this.#link = link;
    this.#onEnd = options.onEnd;
    this.setTarget(innerTarget(options.address));
    const { socket } = link;
    this.#intake = new Intake(socket);
    this.#rest = new Rest(this.#intake);
    socket.on('error', (error) => this.close(new ConnectionError('the inner connection failed', { cause: error })));
    socket.on('close', () => this.close(new ConnectionError('the inner connection is closed')));
  }

  /** The place is ours: lets the stream flow. */
  begin(broadcast: BroadcastServer): void {
    this.#broadcast = broadcast;
    const { socket, reader } = this.#link;
    socket.on('data', (chunk: Buffer) => {
      this.inBytes += chunk.length;
      reader.push(chunk);
      this.#read();
      this.#rest.take(chunk.length, broadcast);
    });
    this.#read();
    if (!this.isClosed) socket.resume();
  }

  #read(): void {
    const { reader } = this.#link;
    try {
      while (!this.isClosed) {
        const frame = reader.next();
        if (frame === null) return;
        this.#onFrame(frame);
      }
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #onFrame(frame: InnerFrame): void {
    switch (frame.type) {
      case 'packet':
        this.#broadcast?.broadcastMessage(this, frame.packet);
        return;
      case 'renew':
        this.#broadcast?.renewPublish(this);
        return;
      case 'end':
        this.close(endReason(frame));
        return;
      case 'move':
        this.close(new ConnectionError('the stream goes on in another process'));
        return;
      default:
        // The reader lets nothing else through once it has had its answer.
        throw new TypeError(`a frame of type ${frame.type} in a stream`);
    }
  }

  protected release(reason: Error): void {
    const { reader, socket } = this.#link;
    this.#intake.end();
    socket.destroy();
    if (reader.missed > 0) this.log('warn', 'packets came without their message', { missed: reader.missed });
    this.#onEnd(reason);
  }
}
