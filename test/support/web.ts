import assert from 'node:assert/strict';
import { type Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { NodeMediaServer, type NodeMediaServerConfig } from '../../src/node-media-server.ts';
import { encodeFlvHeader, encodeTag } from '../../src/protocols/flv/flv-tag.ts';
import { api } from '../../src/servers/api/index.ts';
import { flv } from '../../src/servers/flv/index.ts';
import { http } from '../../src/servers/http/index.ts';
import { page } from '../../src/servers/page/index.ts';
import { type LogLine, recordingLogger } from './house.ts';
import { bodies } from './media.ts';
import { until } from './wait.ts';

export interface WebHouse extends AsyncDisposable {
  readonly server: NodeMediaServer;
  readonly context: NodeMediaServer['context'];
  readonly lines: LogLine[];
  readonly port: number;
  readonly securePort: number;
}

/** The parts that speak HTTP, on ports that the system chooses; stops at the end of the block. */
export async function startWeb(
  config: NodeMediaServerConfig & { readonly static?: object } = {},
  folder?: string,
): Promise<WebHouse> {
  const lines: LogLine[] = [];
  const server = new NodeMediaServer({ bind: '127.0.0.1', http: { port: 0 }, ...config } as NodeMediaServerConfig, {
    logger: recordingLogger(lines),
    servers: [api, page, flv, http],
    ...(folder === undefined ? {} : { folder }),
  });
  await server.run();
  const portOf = (name: 'http' | 'https') => server.listeners.find((listener) => listener.name === name)?.port ?? 0;
  return {
    server,
    context: server.context,
    lines,
    port: portOf('http'),
    securePort: portOf('https'),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

const TYPES = { audio: 8, video: 9, data: 18 } as const;

/** One FLV tag with its back pointer. */
export function tag(type: keyof typeof TYPES, timestampMs: number, body: Buffer): Buffer {
  return encodeTag({ type: TYPES[type], timestampMs, body });
}

/** The beginning of a stream with picture and sound: header, metadata, configurations, a keyframe at `ms`. */
export function beginning(ms = 0): Buffer {
  return Buffer.concat([
    encodeFlvHeader({ hasAudio: true, hasVideo: true }),
    tag('data', ms, bodies.metadata),
    tag('video', ms, bodies.avcConfig),
    tag('audio', ms, bodies.aacConfig),
    tag('video', ms, bodies.key(`key ${ms}`)),
  ]);
}

export const inter = (ms: number) => tag('video', ms, bodies.inter(`inter ${ms}`));
export const sound = (ms: number) => tag('audio', ms, bodies.aac(`sound ${ms}`));

export interface FlvTag {
  readonly type: number;
  readonly timestampMs: number;
  readonly body: Buffer;
}

/** Reads complete tags; asserts that the header and every back pointer are as FLV 10.1, E.2 to E.4 says. */
export function readFlv(bytes: Buffer): { flags: number; tags: FlvTag[]; rest: number } {
  assert.equal(bytes.subarray(0, 4).toString('latin1'), 'FLV\x01');
  assert.equal(bytes.readUInt32BE(5), 9);
  assert.equal(bytes.readUInt32BE(9), 0, 'the first back pointer');
  const tags: FlvTag[] = [];
  let at = 13;
  while (bytes.length - at >= 11) {
    const size = bytes.readUIntBE(at + 1, 3);
    if (bytes.length - at < 15 + size) break;
    assert.equal(bytes.readUIntBE(at + 8, 3), 0, 'the stream id');
    assert.equal(bytes.readUInt32BE(at + 11 + size), 11 + size, `the back pointer of tag ${tags.length}`);
    const timestampMs = bytes.readUIntBE(at + 4, 3) + bytes[at + 7]! * 0x1000000;
    tags.push({ type: bytes[at]!, timestampMs, body: bytes.subarray(at + 11, at + 11 + size) });
    at += 15 + size;
  }
  return { flags: bytes[4]!, tags, rest: bytes.length - at };
}

/** Reads HTTP chunks; asserts that each byte of the framing is right (RFC 9112, 7.1). */
export function readChunks(bytes: Buffer): { chunks: Buffer[]; isComplete: boolean } {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n', at, 'latin1');
    if (end < 0) break;
    const size = bytes.toString('latin1', at, end);
    assert.match(size, /^(0|[1-9a-f][0-9a-f]*)$/, `a chunk size at byte ${at}`);
    const length = Number.parseInt(size, 16);
    if (bytes.length < end + 4 + length) break;
    assert.equal(bytes.toString('latin1', end + 2 + length, end + 4 + length), '\r\n', 'the end of a chunk');
    at = end + 4 + length;
    if (length === 0) {
      assert.equal(at, bytes.length, 'nothing after the last chunk');
      return { chunks, isComplete: true };
    }
    chunks.push(bytes.subarray(end + 2, end + 2 + length));
  }
  return { chunks, isComplete: false };
}

/** A client that writes what it is told and keeps what comes. */
export class RawClient {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);
  isEnded = false;
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    socket.on('end', () => {
      this.isEnded = true;
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
    // A reset shows as `isClosed`.
    socket.on('error', () => {});
  }

  static open(port: number, ...lines: string[]): RawClient {
    const client = new RawClient(connect(port, '127.0.0.1'));
    if (lines.length > 0) client.send(...lines);
    return client;
  }

  /** Writes a head: lines, then an empty one. */
  send(...lines: string[]): void {
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  }

  get hasHead(): boolean {
    return this.received.includes('\r\n\r\n');
  }

  get head(): string {
    return this.received.toString('latin1', 0, this.received.indexOf('\r\n\r\n'));
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.head)?.[1]);
  }

  header(name: string): string | undefined {
    return new RegExp(`^${name}: (.*)$`, 'im').exec(this.head)?.[1]?.trim();
  }

  get body(): Buffer {
    return this.received.subarray(this.received.indexOf('\r\n\r\n') + 4);
  }

  async answered(): Promise<this> {
    await until(() => this.hasHead, 'an answer');
    return this;
  }

  async closed(): Promise<this> {
    await until(() => this.isClosed, 'the end of the connection');
    return this;
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** One HTTP/1.1 exchange. */
export function ask(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer; agent?: Agent } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const outgoing = httpRequest({ host: '127.0.0.1', port, path, agent: false, ...rest }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** A publisher over POST: bytes go out as they are written, the answer comes at the end. */
export class HttpPublisherClient {
  readonly request: ClientRequest;
  readonly answer: Promise<Reply>;

  constructor(port: number, path: string, options: { method?: string; headers?: Record<string, string> } = {}) {
    this.request = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', agent: false, ...options });
    this.answer = new Promise((resolve, reject) => {
      this.request.on('error', reject);
      this.request.on('response', (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() });
        });
      });
    });
    this.answer.catch(() => {});
  }

  write(...pieces: Buffer[]): void {
    for (const piece of pieces) this.request.write(piece);
  }

  end(): Promise<Reply> {
    this.request.end();
    return this.answer;
  }
}

/** A live stream at `path` whose group is cached; the publisher stays. */
export async function publishStream(house: WebHouse, path = '/live/a', ms = 0): Promise<HttpPublisherClient> {
  const publisher = new HttpPublisherClient(house.port, `${path}.flv`);
  publisher.write(beginning(ms));
  await until(() => {
    const broadcast = house.context.broadcasts.get(path as `/${string}/${string}`);
    return broadcast !== undefined && broadcast.gop.size > 0 && broadcast.areTracksKnown;
  }, `${path} is live`);
  return publisher;
}
