import { get } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import type { AVPacket } from '../../src/media/packet.ts';
import { FlvDemuxer } from '../../src/protocols/flv/flv-demuxer.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import type { RunningServer } from '../support/server.ts';

/** The client's end of a player session. */
export interface Client {
  /** Everything it received, in order. */
  readonly packets: readonly AVPacket[];
  /** How the server told it that the stream ended; `null` as long as it did not. */
  readonly end: string | null;
  /** Is the connection gone? */
  readonly isClosed: boolean;
  /** Goes without a word. */
  vanish(): void;
}

export interface PlayerSessionKind {
  readonly name: string;
  /** What a client is told at the end of the stream. */
  readonly end: string;
  /** Does the session wait for the publisher's return? */
  readonly staysAtEnd: boolean;
  open(running: RunningServer, path: string): Client;
}

/** Demuxes what comes, and remembers how it ended. */
class FlvClient implements Client {
  readonly packets: AVPacket[] = [];
  readonly #demuxer = new FlvDemuxer();
  readonly #vanish: () => void;
  end: string | null = null;
  isClosed = false;

  constructor(vanish: () => void) {
    this.#vanish = vanish;
  }

  take(chunk: Buffer): void {
    this.#demuxer.push(chunk);
    for (let packets = this.#demuxer.next(); packets !== null; packets = this.#demuxer.next()) {
      this.packets.push(...packets);
    }
  }

  vanish(): void {
    this.#vanish();
  }
}

const rtmp: PlayerSessionKind = {
  name: 'RTMP',
  end: 'NetStream.Play.UnpublishNotify',
  staysAtEnd: true,
  open: (running, path) => {
    const peer = new RtmpPeer('play', path, { port: running.port('rtmp') });
    return {
      packets: peer.packets,
      get end() {
        const end = peer.events.find((event) => event.kind === 'end');
        return end === undefined ? null : peer.codes.includes(rtmp.end) ? rtmp.end : end.code;
      },
      get isClosed() {
        return peer.isClosed;
      },
      vanish: () => peer.crash(),
    };
  },
};

const http11: PlayerSessionKind = {
  name: 'HTTP/1.1',
  end: 'the last chunk',
  staysAtEnd: false,
  open: (running, path) => {
    const request = get({ host: '127.0.0.1', port: running.port('http'), path: `${path}.flv`, agent: false });
    const client = new FlvClient(() => request.destroy());
    request.on('error', () => undefined);
    request.on('close', () => {
      client.isClosed = true;
    });
    request.on('response', (response) => {
      response.on('error', () => undefined);
      response.on('data', (chunk: Buffer) => client.take(chunk));
      response.on('end', () => {
        client.end = response.complete ? http11.end : 'a body cut short';
      });
    });
    return client;
  },
};

const http10: PlayerSessionKind = {
  name: 'HTTP/1.0',
  end: 'the end of the connection',
  staysAtEnd: false,
  open: (running, path) => {
    const socket = connect(running.port('http'), '127.0.0.1', () => socket.write(`GET ${path}.flv HTTP/1.0\r\n\r\n`));
    const client = new FlvClient(() => socket.resetAndDestroy());
    let head: Buffer | null = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      if (head === null) {
        client.take(chunk);
        return;
      }
      head = Buffer.concat([head, chunk]);
      const cut = head.indexOf('\r\n\r\n');
      if (cut < 0) return;
      const body = head.subarray(cut + 4);
      head = null;
      client.take(body);
    });
    socket.on('end', () => {
      client.end = http10.end;
    });
    socket.on('close', () => {
      client.isClosed = true;
    });
    return client;
  },
};

const http2: PlayerSessionKind = {
  name: 'HTTP/2',
  end: 'END_STREAM',
  staysAtEnd: false,
  open: (running, path) => {
    const session = connectHttp2(`https://127.0.0.1:${running.port('https')}`, { rejectUnauthorized: false });
    const client = new FlvClient(() => session.destroy());
    session.on('error', () => undefined);
    const stream = session.request({ ':path': `${path}.flv` });
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => client.take(chunk));
    stream.on('end', () => {
      client.end = stream.rstCode === 0 ? http2.end : `RST_STREAM ${stream.rstCode}`;
    });
    stream.on('close', () => {
      client.isClosed = true;
      session.destroy();
    });
    return client;
  },
};

function webSocket(name: string, door: 'http' | 'https'): PlayerSessionKind {
  const kind: PlayerSessionKind = {
    name,
    end: 'close code 1000',
    staysAtEnd: false,
    open: (running, path) => {
      const scheme = door === 'http' ? 'ws' : 'wss';
      const url = `${scheme}://127.0.0.1:${running.port(door)}${path}.flv`;
      const socket = new WebSocket(url, { rejectUnauthorized: false });
      const client = new FlvClient(() => socket.terminate());
      socket.on('error', () => undefined);
      socket.on('message', (data: Buffer, isBinary) => {
        if (isBinary) client.take(data);
      });
      socket.on('close', (code) => {
        client.end = `close code ${code}`;
        client.isClosed = true;
      });
      return client;
    },
  };
  return kind;
}

/** Every kind of session that plays. */
export const playerSessions: readonly PlayerSessionKind[] = [
  rtmp,
  http11,
  http10,
  http2,
  webSocket('WebSocket', 'http'),
  webSocket('WebSocket over TLS', 'https'),
];
