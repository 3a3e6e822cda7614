import type { Duplex } from 'node:stream';
import { ConnectionError, ProtocolError } from '../../errors.ts';

/** What a player may still send after its request: stray line ends, a small body. More is not a player. */
const MAX_STRAY_BYTES = 16 * 1024;
/** What is read and thrown away while a last answer is on its way, so that no reset overtakes it. */
const MAX_LINGER_BYTES = 4 * 1024 * 1024;
/** How long a last answer may take. */
const LINGER_MS = 2000;

/** Ends the connection once `data` is on its way; what the peer still sends is thrown away, for a while. */
export function endSocket(socket: Duplex, data?: Buffer): void {
  if (socket.destroyed) return;
  let stray = 0;
  socket.on('data', (chunk: Buffer) => {
    stray += chunk.length;
    if (stray > MAX_LINGER_BYTES) socket.destroy();
  });
  socket.on('error', () => socket.destroy());
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
  if (data === undefined) socket.end();
  else socket.end(data);
}

/**
 * Takes a socket from Node's HTTP parser: from here on its bytes are ours to write. `onGone` is called once the peer has
 * left, or sent what no player sends.
 */
export function takeSocket(socket: Duplex, onGone: (reason: Error) => void): void {
  const ofParser = [...socket.listeners('data')] as (() => void)[];
  const endOfParser = [...socket.listeners('end')] as (() => void)[];
  let stray = 0;
  // A new listener for 'data' makes Node stop feeding its parser past the stream; the old ones would feed it again.
  socket.on('data', (chunk: Buffer) => {
    stray += chunk.length;
    if (stray > MAX_STRAY_BYTES) {
      onGone(
        new ProtocolError('NMS_PROTOCOL_HTTP', `${stray} bytes after the request; ${MAX_STRAY_BYTES} are allowed`),
      );
    }
  });
  for (const listener of ofParser) socket.removeListener('data', listener);
  for (const listener of endOfParser) socket.removeListener('end', listener);
  socket.on('end', () => onGone(new ConnectionError('the peer closed the connection')));
  socket.on('error', (error) => onGone(new ConnectionError('the connection failed', { cause: error })));
  socket.on('close', () => onGone(new ConnectionError('the connection is closed')));
  // It said so while the request waited for its turn, and says nothing more.
  if (socket.readableEnded) onGone(new ConnectionError('the peer closed the connection'));
  socket.resume();
}
