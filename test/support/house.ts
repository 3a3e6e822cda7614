import { coreSections, type CoreConfigInput } from '../../src/core/config.ts';
import { resolveConfig } from '../../src/core/config-schema.ts';
import type { CoreConfig } from '../../src/core/config.ts';
import { Context } from '../../src/core/context.ts';
import type { Logger } from '../../src/core/logger.ts';
import { type Player, Session } from '../../src/core/session.ts';
import { parseStreamUrlPath } from '../../src/core/stream-path.ts';
import type { Format, Muxer, StreamState } from '../../src/media/format.ts';
import type { AVPacket } from '../../src/media/packet.ts';
import { type Micros, toMillis } from '../../src/media/time.ts';

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A logger that keeps its lines. */
export function recordingLogger(lines: LogLine[]): Logger {
  const write = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message });
  };
  const logger: Logger = {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => logger,
  };
  return logger;
}

/** A Context without doors. */
export function makeContext(config: CoreConfigInput = {}, lines: LogLine[] = []): Context {
  const values = resolveConfig(config, {});
  assertCore(values);
  return new Context(values, recordingLogger(lines), '/tmp');
}

function assertCore(values: Record<string, unknown>): asserts values is CoreConfig & Record<string, unknown> {
  for (const name of Object.keys(coreSections)) if (!(name in values)) throw new Error(`no section ${name}`);
}

/** Muxes a packet into its own text. */
class TextMuxer implements Muxer<Buffer> {
  readonly #video: boolean;
  muxed = 0;

  constructor(video: boolean) {
    this.#video = video;
  }

  begin(stream: StreamState, at: Micros): Buffer[] {
    const head = Buffer.from(`[begin ${toMillis(at)}]`);
    return [head, ...stream.remembered.flatMap((packet) => this.mux(packet) ?? [])];
  }

  mux(packet: AVPacket): Buffer | null {
    this.muxed++;
    return packet.track.kind === 'video' && !this.#video ? null : packet.data;
  }
}

/** A format whose units are the payloads. */
export class TextFormat implements Format {
  readonly name: string;
  readonly needsTracks: boolean;
  readonly hasVideo: boolean;
  readonly muxers: TextMuxer[] = [];

  constructor(options: { needsTracks?: boolean; hasVideo?: boolean } = {}) {
    this.needsTracks = options.needsTracks ?? false;
    this.hasVideo = options.hasVideo ?? true;
    this.name = `text ${this.needsTracks} ${this.hasVideo}`;
  }

  createMuxer(): TextMuxer {
    const muxer = new TextMuxer(this.hasVideo);
    this.muxers.push(muxer);
    return muxer;
  }
}

let count = 0;

/** A session without a socket: it keeps what it is sent; `backlog` is what the test says it is. */
export class FakeSession extends Session implements Player {
  format: Format;
  received = '';
  writes = 0;
  backlog = 0;
  readonly ends: Error[] = [];
  returned = 0;
  released: Error | null = null;

  constructor(
    context: Context,
    path = '/live/a',
    options: { format?: Format; address?: string; query?: Record<string, string> } = {},
  ) {
    const address = options.address ?? '127.0.0.1';
    super(context, { protocol: 'rtmp', ip: `${address}:${++count}`, address });
    this.format = options.format ?? new TextFormat();
    this.setTarget({ address: parseStreamUrlPath(path), host: 'test', query: options.query ?? {} });
  }

  override get backlogBytes(): number {
    return this.backlog;
  }

  send(_units: readonly Buffer[], joined: Buffer | null): void {
    if (joined === null || joined.length === 0) return;
    this.received += joined.toString();
    this.outBytes += joined.length;
    this.writes++;
  }

  onStreamEnd(reason: Error): void {
    this.ends.push(reason);
  }

  onStreamStart(): void {
    this.returned++;
  }

  protected release(reason: Error): void {
    this.released = reason;
  }

  /** What came since the last call. */
  take(): string {
    const text = this.received;
    this.received = '';
    return text;
  }
}

/** After all microtasks and immediate callbacks: where flushes happen. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
