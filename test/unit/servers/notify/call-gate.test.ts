import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LimitError } from '../../../../src/errors.ts';
import { CallGate } from '../../../../src/servers/notify/call-gate.ts';
import { settle } from '../../../support/house.ts';

const never = new AbortController().signal;

/** Enters and writes down when it was let in; leaves when it is told to. */
function visit(gate: CallGate, target: string, entered: string[], name: string): { leave: () => void } {
  const visitor = { leave: () => assert.fail(`${name} is not in yet`) };
  void gate.enter(target, never).then((leave) => {
    entered.push(name);
    visitor.leave = leave as () => never;
  });
  return visitor;
}

describe('the gate of calls that decide', () => {
  test('lets so many in to one target, and the others in their order', async () => {
    const gate = new CallGate(() => ({ maxCalls: 10, maxCallsPerTarget: 2, maxWaiting: 10 }));
    const entered: string[] = [];
    const [first] = ['1', '2', '3', '4'].map((name) => visit(gate, 'a', entered, name));
    visit(gate, 'b', entered, 'b1');
    await settle();
    assert.deepEqual(entered, ['1', '2', 'b1']);
    first?.leave();
    await settle();
    assert.deepEqual(entered, ['1', '2', 'b1', '3']);
  });

  test('lets so many in overall', async () => {
    const gate = new CallGate(() => ({ maxCalls: 2, maxCallsPerTarget: 2, maxWaiting: 10 }));
    const entered: string[] = [];
    const first = visit(gate, 'a', entered, 'a1');
    visit(gate, 'b', entered, 'b1');
    visit(gate, 'c', entered, 'c1');
    await settle();
    assert.deepEqual(entered, ['a1', 'b1']);
    first.leave();
    await settle();
    assert.deepEqual(entered, ['a1', 'b1', 'c1']);
  });

  test('refuses when too many wait, and has room again when one of them has gone', async () => {
    const gate = new CallGate(() => ({ maxCalls: 1, maxCallsPerTarget: 1, maxWaiting: 1 }));
    const entered: string[] = [];
    const first = visit(gate, 'a', entered, 'first');
    await settle();
    const leaving = new AbortController();
    const second = gate.enter('a', leaving.signal);
    await assert.rejects(gate.enter('a', never), (error) => {
      assert.ok(error instanceof LimitError);
      assert.equal(error.limit, 'notify.maxWaitingDecisions');
      return true;
    });
    leaving.abort(new Error('gone'));
    await assert.rejects(second, { message: 'gone' });
    visit(gate, 'a', entered, 'third');
    first.leave();
    await settle();
    assert.deepEqual(entered, ['first', 'third']);
  });

  test('lets nobody in whose time is over', async () => {
    const gate = new CallGate(() => ({ maxCalls: 1, maxCallsPerTarget: 1, maxWaiting: 1 }));
    await assert.rejects(gate.enter('a', AbortSignal.abort(new Error('gone'))), { message: 'gone' });
    const entered: string[] = [];
    visit(gate, 'a', entered, 'next');
    await settle();
    assert.deepEqual(entered, ['next']);
  });
});
