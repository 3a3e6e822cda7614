import { writeFile } from 'node:fs/promises';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import type { Readable } from 'node:stream';
import { WebSocket } from 'ws';

/** Our own clients of HTTP/2 and WebSockets: these take the server's self-signed certificate. */
const UNVERIFIED = { rejectUnauthorized: false } as const;

export interface FlvReception {
  /** Everything that came, once the server ended the stream as it should; rejects when it ended otherwise. */
  readonly bytes: Promise<Buffer>;
  close(): void;
}

/** Plays HTTPS-FLV over HTTP/2. */
export function playOverHttp2(url: string): FlvReception {
  const { origin, pathname, search } = new URL(url);
  const session: ClientHttp2Session = connectHttp2(origin, UNVERIFIED);
  const bytes = new Promise<Buffer>((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request({ ':path': `${pathname}${search}` });
    const chunks: Buffer[] = [];
    let status = 0;
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      session.close();
      if (status === 200) resolve(Buffer.concat(chunks));
      else reject(new Error(`${url} was answered with ${status}`));
    });
  });
  bytes.catch(() => undefined);
  return { bytes, close: () => session.destroy() };
}

/** Plays WS-FLV or WSS-FLV; the stream's end is a close with code 1000. */
export function playOverWebSocket(url: string): FlvReception {
  const socket = new WebSocket(url, UNVERIFIED);
  const bytes = new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) chunks.push(data);
      else reject(new Error(`a text message on ${url}`));
    });
    socket.on('error', reject);
    socket.on('close', (code, reason) => {
      if (code === 1000) resolve(Buffer.concat(chunks));
      else reject(new Error(`${url} was closed with ${code} ${reason.toString()}`));
    });
  });
  bytes.catch(() => undefined);
  return { bytes, close: () => socket.terminate() };
}

/** Publishes an FLV stream as the body of a POST over HTTP/2; resolves with the status of the answer. */
export function publishOverHttp2(url: string, source: Readable): Promise<number> {
  const { origin, pathname, search } = new URL(url);
  const session = connectHttp2(origin, UNVERIFIED);
  return new Promise<number>((resolve, reject) => {
    session.on('error', reject);
    const stream = session.request({ ':method': 'POST', ':path': `${pathname}${search}` }, { endStream: false });
    let status = 0;
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    stream.on('error', reject);
    stream.on('end', () => resolve(status));
    stream.resume();
    source.pipe(stream);
  }).finally(() => session.close());
}

/** Publishes an FLV stream in binary WebSocket messages; resolves with the code of the close. */
export function publishOverWebSocket(url: string, source: Readable): Promise<number> {
  const socket = new WebSocket(url, 'publisher', UNVERIFIED);
  return new Promise<number>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', (code) => resolve(code));
    socket.on('open', () => {
      source.on('data', (chunk: Buffer) => socket.send(chunk));
      source.on('end', () => socket.close(1000));
    });
  });
}

/** Keeps what came in a file that other programs can read. */
export async function keep(reception: FlvReception, file: string): Promise<string> {
  await writeFile(file, await reception.bytes);
  return file;
}
