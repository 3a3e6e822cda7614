import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventNames, draftEvent } from '../../../../src/servers/api/event-data.ts';
import type { Session } from '../../../../src/core/session.ts';

/** As much of a session as an event tells of. */
function session(more: object): Session {
  const fields = {
    id: 'abc',
    ip: '192.0.2.1:1',
    streamPath: '/live/a',
    user: '',
    userAgent: 'ffmpeg',
    endReason: null,
  };
  return { ...fields, ...more } as Session;
}

describe('what an event tells', () => {
  test('is what was true then', () => {
    const player = session({ outBytes: 5 });
    const { name, fields } = draftEvent({ name: eventNames[0]!, session: player, at: 1 });
    player.outBytes = 6;
    assert.deepEqual([name, (fields as { outBytes: number }).outBytes], [eventNames[0], 5]);
  });

  test('weighs about what its words do, and never much less, whatever a peer says it is', () => {
    for (const userAgent of ['', 'x'.repeat(100), 'x'.repeat(100_000)]) {
      const { fields, bytes } = draftEvent({ name: 'postPlay', session: session({ userAgent }), at: Date.now() });
      const { length } = JSON.stringify(fields);
      assert.ok(bytes >= length && bytes < length + 600, `${bytes} for ${length}`);
    }
  });
});
