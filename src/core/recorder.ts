import type { StreamPath } from './stream-path.ts';

/** One recording: a file that is being written, or was. */
export interface Recording {
  readonly id: string;
  readonly streamPath: StreamPath;
  readonly app: string;
  readonly name: string;
  /** Relative to the folder of recordings, with `/`: `live/test/1764000000000.flv`. */
  readonly filePath: string;
  /** The session whose publish it began with. */
  readonly publisherId: string;
  /** Unix milliseconds. */
  readonly startTime: number;
  /** Unix milliseconds; 0 while it is being written. */
  readonly endTime: number;
  /** Milliseconds of media. */
  readonly duration: number;
  /** Bytes of the file. */
  readonly size: number;
  /** `done`: closed in order; `repaired`: found unfinished at a start, and closed then; `failed`: ended by an error. */
  readonly status: 'recording' | 'done' | 'repaired' | 'failed';
  /** Why it `failed`; else ''. */
  readonly reason: string;
}

/** Which recordings are wanted; every condition holds at once. */
export interface RecordingQuery {
  readonly streamPath?: string;
  /** A part of the stream's path, upper and lower case alike. */
  readonly search?: string;
  readonly status?: Recording['status'];
  /** Unix milliseconds: begun at this time or later. */
  readonly start?: number;
  /** Unix milliseconds: begun at this time or earlier. */
  readonly end?: number;
  readonly sort: 'startTime' | 'duration' | 'size' | 'streamPath';
  readonly order: 'asc' | 'desc';
  readonly offset: number;
  readonly limit: number;
}

/** A part of a list of recordings, and the sums of all of it. */
export interface RecordingPage {
  readonly items: readonly Recording[];
  /** Of all that the conditions hold for, not only this page. */
  readonly count: number;
  readonly totalDuration: number;
  readonly totalSize: number;
}

/** Who writes streams to files, and knows the files; `context.recorder`. */
export interface Recorder {
  /**
   * Begins to record a stream that is being published; resolves when the file is open.
   * @throws AbsentError when nobody publishes it, BusyError when it is being recorded, RecordError when no file can be made.
   */
  start(streamPath: StreamPath): Promise<Recording>;
  /** Ends the recording of a stream; resolves when its file is closed. @throws AbsentError when there is none. */
  stop(streamPath: StreamPath): Promise<Recording>;
  /** The recording of a stream that goes on now. */
  current(streamPath: StreamPath): Recording | null;
  list(query: RecordingQuery): RecordingPage;
  find(id: string): Recording | null;
  /** The absolute path of a recording's file; `null` when it is not there, or not below the folder of recordings. */
  locate(recording: Recording): string | null;
  /** Forgets a recording that is over, and with `file` removes its file. @throws BusyError while it goes on, RecordError when the disk refuses. */
  remove(id: string, options: { readonly file: boolean }): Promise<void>;
}
