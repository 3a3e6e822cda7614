import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { connectionFailure, interrupted, unanswered } from './failure.ts';
import type { Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';

/**
 * A TCP connection to the target, or TLS where its protocol says so.
 * @throws NmsError in words for people when it cannot be had; ClosedError when `signal` ends the wait.
 */
export function openSocket(target: Target, options: ConnectOptions): Promise<Socket> {
  const { signal, insecure = false, answerTimeoutMs } = options;
  const { host, port } = target;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(interrupted());
    const socket = target.isSecure
      ? connectTls({ host, port, rejectUnauthorized: !insecure, ...(isIP(host) === 0 ? { servername: host } : {}) })
      : connect({ host, port });
    const stop = (reason: Error) => {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(reason);
    };
    const onAbort = () => stop(interrupted());
    const onError = (error: Error) => stop(connectionFailure(error, target));
    const onTimeout = () => stop(unanswered(target, 'no connection', answerTimeoutMs));
    const timer = setTimeout(onTimeout, answerTimeoutMs);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once(target.isSecure ? 'secureConnect' : 'connect', () => {
      settle();
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}
