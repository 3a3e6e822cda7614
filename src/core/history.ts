/** One publish or play that is over. */
export interface HistoryEntry {
  /** Of the session. */
  readonly id: string;
  readonly role: 'publisher' | 'player';
  readonly protocol: string;
  readonly streamPath: string;
  readonly app: string;
  readonly name: string;
  readonly ip: string;
  readonly user: string;
  readonly userAgent: string;
  /** Unix milliseconds. */
  readonly startTime: number;
  /** Unix milliseconds at which the media stopped. */
  readonly endTime: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly droppedFrames: number;
  /** Plays that began while this one published. */
  readonly playCount: number;
  /** Why it ended, in words. */
  readonly reason: string;
}

/** Which entries are wanted; every condition holds at once. */
export interface HistoryQuery {
  readonly role?: HistoryEntry['role'];
  readonly streamPath?: string;
  /** A part of the stream's path or the address, upper and lower case alike. */
  readonly search?: string;
  readonly ip?: string;
  readonly protocol?: string;
  /** Unix milliseconds: begun at this time or later. */
  readonly start?: number;
  /** Unix milliseconds: begun at this time or earlier. */
  readonly end?: number;
  readonly sort: 'startTime' | 'duration' | 'inBytes' | 'outBytes' | 'streamPath';
  readonly order: 'asc' | 'desc';
  readonly offset: number;
  readonly limit: number;
}

/** What was published and played; `context.history`. */
export interface History {
  list(query: HistoryQuery): { readonly items: readonly HistoryEntry[]; readonly count: number };
  /** Forgets the entries of a stream, or all; returns how many there were. */
  clear(streamPath?: string): number;
}
