/** A door that opens, closes or moves, as `host:port`; `null`: shut. */
export interface DoorChange {
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** A new configuration that a part of the house is ready for; one of `commit` and `cancel` is called, once. */
export interface PreparedChange {
  readonly doors?: readonly DoorChange[];
  /** How many sessions end because of it; none when it is not said. */
  readonly droppedSessions?: number;
  /** Takes it up at once, and cannot fail; resolves when other processes have too. */
  commit(): void | Promise<void>;
  /** Gives back what was opened for it. */
  cancel(): void;
}

/** Several as one. */
export function joinChanges(changes: readonly PreparedChange[]): PreparedChange {
  return {
    doors: changes.flatMap(({ doors }) => doors ?? []),
    droppedSessions: changes.reduce((sum, { droppedSessions }) => sum + (droppedSessions ?? 0), 0),
    commit: async () => {
      // All in one go: nobody sees the one half without the other.
      await Promise.all(changes.map(async (change) => change.commit()));
    },
    cancel: () => {
      for (const change of changes) change.cancel();
    },
  };
}

/**
 * Prepares all, or none: when one throws, those before it are cancelled.
 * @throws whatever one of them throws
 */
export async function prepareAll(steps: readonly (() => Promise<PreparedChange | null>)[]): Promise<PreparedChange> {
  const ready: PreparedChange[] = [];
  try {
    for (const step of steps) {
      const change = await step();
      if (change !== null) ready.push(change);
    }
  } catch (error) {
    for (const change of ready) change.cancel();
    throw error;
  }
  return joinChanges(ready);
}
