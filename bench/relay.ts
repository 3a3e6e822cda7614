import { createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { RtmpProtocol } from '../src/protocols/rtmp/rtmp-protocol.ts';
import { readInto } from '../src/servers/rtmp/read-into.ts';

/*
 * What many streams cost on this machine and Node when nothing else is done: once a publisher and a player have been
 * answered, this program passes the publisher's bytes on as they came, unread, two reads in one write, as often as a
 * server writes that lets audio ride along with the video. It has no cache, no clocks and no limits, and works only
 * where both sides use chunks of the same size and the player came after the publisher.
 */

/** What the load generator publishes with. */
const CHUNK_SIZE = 4096;
const SLAB_BYTES = 1 << 20;

/** Memory for what is on its way. */
class Slab {
  #memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;

  copy(bytes: Buffer): Buffer {
    if (this.#used + bytes.length > SLAB_BYTES) {
      this.#memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += bytes.copy(this.#memory, start);
    return this.#memory.subarray(start, this.#used);
  }
}

const { values } = parseArgs({ options: { port: { type: 'string' } } });
const players = new Map<string, Socket>();
const readBuffer = Buffer.alloc(65_536);
const slab = new Slab();

/** One connection: the protocol until it publishes or plays, then bytes. */
function serve(socket: Socket): void {
  const protocol = new RtmpProtocol({ chunkSize: CHUNK_SIZE });
  let published: string | null = null;
  let waiting: Buffer | null = null;
  const relay = (name: string, bytes: Buffer) => {
    const player = players.get(name);
    if (player === undefined) return;
    const kept = slab.copy(bytes);
    if (waiting === null) {
      waiting = kept;
    } else {
      player.write(Buffer.concat([waiting, kept]));
      waiting = null;
    }
  };
  const converse = (bytes: Buffer) => {
    protocol.push(bytes);
    for (let event = protocol.next(); event !== null; event = protocol.next()) {
      if (event.kind === 'connect') {
        protocol.acceptConnect();
      } else if (event.kind === 'publish') {
        protocol.acceptPublish(event.streamId);
        published = event.name;
      } else if (event.kind === 'play') {
        protocol.acceptPlay(event.streamId);
        players.set(event.name, socket);
      }
    }
    protocol.keep();
    const answer = protocol.output();
    if (answer !== null) socket.write(answer);
  };
  const onBytes = (bytes: Buffer) => (published === null ? converse(bytes) : relay(published, bytes));
  socket.on('error', () => socket.destroy());
  if (!readInto(socket, readBuffer, onBytes)) socket.on('data', onBytes);
}

createServer({ noDelay: true }, serve).listen(Number(values.port), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
