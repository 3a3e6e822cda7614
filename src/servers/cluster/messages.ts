import type { CertificatePair } from '../../core/certificate-pair.ts';
import type { CounterRow } from '../../core/counters.ts';
import type { SessionLimits } from '../../core/decision.ts';
import type { Listener } from '../../core/listener.ts';
import type { ProcessReport } from '../../core/process-vitals.ts';
import type { SessionMedia } from '../../core/session-media.ts';
import type { SessionId, SessionOrigin, SessionTarget } from '../../core/session.ts';
import type { StreamPath } from '../../core/stream-path.ts';
import type { StreamStatistics } from '../../core/stream-statistics.ts';
import type { Track } from '../../media/packet.ts';
import type { ErrorData } from './error-data.ts';

/** The levels of a logger. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export type DoorName = Listener['name'];

/** What the primary has open. */
export interface HandedState {
  readonly listeners: readonly Listener[];
  /** The pairs of the TLS doors. */
  readonly certificates: Readonly<Partial<Record<DoorName, CertificatePair>>>;
}

/** What a worker is told to begin with. */
export interface StartMessage extends HandedState {
  readonly kind: 'start';
  /** 1, 2, …; its successor has the same. */
  readonly worker: number;
  /** The resolved configuration, without secrets that only the primary needs. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly folder: string;
  /** The built-in servers that run here, by name, in order. */
  readonly servers: readonly string[];
  /** First parts of addresses that belong to the primary's application. */
  readonly routes: readonly string[];
  readonly levels: readonly LogLevel[];
  /** The local socket on which this worker serves its streams to the others. */
  readonly innerPath: string;
  /** The local socket of the primary's application. */
  readonly applicationPath: string;
  /** The folder of this run's local sockets; `null` where they are in none. */
  readonly runFolder: string | null;
  /** Known to the processes of this run only. */
  readonly token: string;
  readonly directory: readonly StreamPlace[];
}

/** What a worker is told when the configuration has changed. */
export interface ConfigureMessage extends HandedState {
  readonly kind: 'configure';
  readonly question: number;
  readonly config: Readonly<Record<string, unknown>>;
  readonly levels: readonly LogLevel[];
}

/** Where a stream is. */
export interface StreamPlace {
  readonly streamPath: StreamPath;
  readonly worker: number;
  /** The local socket of that worker. */
  readonly innerPath: string;
}

/** What was counted of a session. */
export interface SessionCounts {
  readonly inBytes: number;
  readonly outBytes: number;
  readonly droppedFrames: number;
  readonly backlogBytes: number;
  /** Unix milliseconds; 0 while media flows. */
  readonly endTime: number;
}

/** One session in the statistics: id, bytes in, bytes out, dropped frames, backlog. */
export type SessionRow = readonly [id: SessionId, inBytes: number, outBytes: number, dropped: number, backlog: number];

/** What was measured of a stream that is published in a worker. */
export type StreamFigures = readonly [streamPath: StreamPath, statistics: StreamStatistics];

/** What is known of the media of a stream that is published in a worker. */
export interface StreamFacts {
  readonly streamPath: StreamPath;
  readonly tracks: readonly Track[];
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

/** With what a session was let in. */
export interface Pass {
  /** `/app/name` in place of what it asked for. */
  readonly redirect: string | null;
  readonly limits: SessionLimits;
  readonly user: string;
}

/** The events that a worker reports; `pre*` are asked. */
export type ToldEvent = 'postPublish' | 'donePublish' | 'postPlay' | 'donePlay' | 'streamStall' | 'streamResume';

/** Nobody new; no publishers but those who were asked to leave by themselves; nobody but these and their players. */
export type EndStep = 'closeDoors' | 'endPublishers' | 'drain';

/** What the primary tells a worker. */
export type ToWorker =
  | StartMessage
  /** A connection, as the handle that comes with the message. */
  | { readonly kind: 'socket'; readonly socket: number; readonly door: DoorName }
  /** The decision about `asked`, `claim`; without an error it is yes, and of `asked` with what. */
  | { readonly kind: 'answer'; readonly question: number; readonly error: ErrorData | null; readonly pass: Pass | null }
  /** Another worker's publisher wants the place: may he have it? Changes nothing. */
  | { readonly kind: 'mayYield'; readonly question: number; readonly streamPath: StreamPath }
  /** Another worker's publisher is let in: give the place up, or say why not. `by`: his address, for people. */
  | { readonly kind: 'yield'; readonly question: number; readonly streamPath: StreamPath; readonly by: string }
  /** Somebody ended the session in the primary: a listener, the API. */
  | { readonly kind: 'close'; readonly session: SessionId; readonly reason: ErrorData }
  /** A stream is published in a worker. */
  | { readonly kind: 'announced'; readonly place: StreamPlace }
  /** A stream is published in that worker no more. */
  | { readonly kind: 'released'; readonly streamPath: StreamPath; readonly worker: number }
  /** The pair of a TLS door has changed. */
  | { readonly kind: 'certificate'; readonly door: DoorName; readonly pair: CertificatePair }
  /** Another configuration is in force, and other doors are open. Answered when it is in force in the worker, too. */
  | ConfigureMessage
  /** A step of the end, to be done within this time. Answered when it is. */
  | { readonly kind: EndStep; readonly question: number; readonly timeoutMs: number }
  /** The last step: everybody who is left; the process ends. */
  | { readonly kind: 'stop' };

/** What a worker tells the primary. */
export type ToPrimary =
  /** Its servers run: connections may come. */
  | { readonly kind: 'ready' }
  /** It cannot start, or met an error that nobody foresaw; it ends. */
  | { readonly kind: 'failed'; readonly error: ErrorData }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly fields: Readonly<Record<string, unknown>>;
      readonly message: string;
    }
  /** A connection has arrived: the primary may close its own end of the handle. */
  | { readonly kind: 'took'; readonly socket: number }
  /** A connection has ended. */
  | { readonly kind: 'gone'; readonly socket: number }
  /** A proxy has said for whom it connected: is there room for one more of that address? */
  | { readonly kind: 'named'; readonly question: number; readonly socket: number; readonly address: string }
  /** The answer to `mayYield`, `yield`, `configure` and the steps of the end; `null`: yes, done. */
  | { readonly kind: 'answer'; readonly question: number; readonly error: ErrorData | null }
  | {
      readonly kind: 'opened';
      readonly session: SessionId;
      readonly createTime: number;
      readonly origin: SessionOrigin;
    }
  /** The connection of this session says who it is; the answer's pass names the user. */
  | {
      readonly kind: 'signIn';
      readonly question: number;
      readonly session: SessionId;
      readonly query: Readonly<Record<string, string>>;
    }
  /** May this session publish or play? */
  | {
      readonly kind: 'asked';
      readonly question: number;
      readonly session: SessionId;
      readonly action: 'publish' | 'play';
      readonly userAgent: string;
      readonly target: SessionTarget;
    }
  /** A session that was let in wants the place of this path. */
  | {
      readonly kind: 'claim';
      readonly question: number;
      readonly streamPath: StreamPath;
      /** The publisher's address, for people. */
      readonly by: string;
    }
  | { readonly kind: 'announced'; readonly streamPath: StreamPath }
  | { readonly kind: 'released'; readonly streamPath: StreamPath }
  | {
      readonly kind: 'event';
      readonly name: ToldEvent;
      readonly session: SessionId;
      readonly counts: SessionCounts;
      readonly media: SessionMedia;
      /** Of `done…`: why. */
      readonly reason: ErrorData | null;
      /** Has the session ended? */
      readonly isOver: boolean;
    }
  /** About once a second: what changed. `at`: when it was counted, in unix milliseconds. */
  | {
      readonly kind: 'statistics';
      readonly at: number;
      readonly sessions: readonly SessionRow[];
      readonly streams: readonly StreamFacts[];
      /** Of all streams that are published there. */
      readonly figures: readonly StreamFigures[];
      /** What was counted since the message before. */
      readonly counts: readonly CounterRow[];
      /** `null`: it ends. */
      readonly process: ProcessReport | null;
    }
  | {
      readonly kind: 'ended';
      readonly session: SessionId;
      readonly counts: SessionCounts;
      readonly reason: ErrorData;
    };
