import type { StorePart } from '../../core/store-part.ts';

/** `root` is the folder of recordings that a file is below; `search` the path of its stream in lower case. */
export const recordingsPart: StorePart = {
  name: 'recordings',
  steps: [
    `
    CREATE TABLE recordings (
      root TEXT NOT NULL, file_path TEXT NOT NULL, id TEXT NOT NULL, stream_path TEXT NOT NULL, search TEXT NOT NULL,
      app TEXT NOT NULL, name TEXT NOT NULL, publisher_id TEXT NOT NULL, start_time INTEGER NOT NULL,
      end_time INTEGER NOT NULL, duration INTEGER NOT NULL, size INTEGER NOT NULL, status TEXT NOT NULL,
      reason TEXT NOT NULL, is_forgotten INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (root, file_path)
    ) STRICT;
    CREATE UNIQUE INDEX recordings_id ON recordings (id);
    CREATE INDEX recordings_of_stream ON recordings (root, stream_path, start_time);
    CREATE INDEX recordings_by_time ON recordings (root, start_time);
    `,
  ],
};
