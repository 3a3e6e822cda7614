import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allow, type Decision, deny } from '../../../src/core/decision.ts';
import { type AdmitHandler, type AdmitOptions, Gate } from '../../../src/core/gate.ts';
import { ConnectionError, DeniedError } from '../../../src/errors.ts';
import { FakeSession, type LogLine, makeContext, settle } from '../../support/house.ts';

function setUp(handler: AdmitHandler, options: AdmitOptions = {}) {
  const lines: LogLine[] = [];
  const context = makeContext({}, lines);
  const gate = new Gate(handler, options);
  const session = () => new FakeSession(context, '/live/a', { query: { token: 't' } });
  return { gate, session, lines, warnings: () => lines.filter(({ level }) => level === 'warn' || level === 'error') };
}

/** Handlers that answer when they are told to. */
function held() {
  const calls: ((decision: Decision) => void)[] = [];
  const handler: AdmitHandler = () => new Promise((resolve) => calls.push(resolve));
  return { calls, handler };
}

describe('a gate', () => {
  test('tells its handler who asks for what, and returns what it says', async () => {
    const { gate, session } = setUp(({ action, streamPath, app, name, query, address, protocol, user }) => ({
      allow: true,
      redirect: [action, streamPath, app, name, query['token'], address, protocol, `<${user}>`].join(' '),
    }));
    assert.deepEqual(await gate.ask(session(), 'publish'), {
      allow: true,
      redirect: 'publish /live/a live a t 127.0.0.1 rtmp <>',
    });
  });

  test('a thrown DeniedError denies in its own words', async () => {
    const { gate, session } = setUp(() => {
      throw new DeniedError('not on Sundays');
    });
    await assert.rejects(gate.ask(session(), 'play'), { name: 'DeniedError', message: 'not on Sundays' });
  });

  test('a handler that fails denies, or allows where that was chosen, and is logged', async () => {
    const fail: AdmitHandler = () => Promise.reject(new TypeError('no database'));
    const closed = setUp(fail);
    await assert.rejects(closed.gate.ask(closed.session(), 'play'), { message: 'the decision failed' });
    assert.equal(closed.warnings().length, 1);
    const open = setUp(fail, { onError: 'allow' });
    assert.deepEqual(await open.gate.ask(open.session(), 'play'), allow());
    assert.match(String((open.warnings()[0]!.fields['err'] as Error).message), /no database/);
  });

  test('what is no decision is a failure', async () => {
    const { gate, session } = setUp((() => true) as never);
    await assert.rejects(gate.ask(session(), 'play'), DeniedError);
  });

  test('a decision that comes too late denies, or allows where that was chosen; the signal says when', async () => {
    const signals: AbortSignal[] = [];
    const never: AdmitHandler = ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const closed = setUp(never, { timeoutMs: 5 });
    await assert.rejects(closed.gate.ask(closed.session(), 'publish'), { message: 'the decision failed' });
    assert.equal(signals[0]!.aborted, true);
    assert.match(closed.warnings()[0]!.message, /longer than 5 ms/);
    const open = setUp(never, { timeoutMs: 5, onTimeout: 'allow' });
    assert.deepEqual(await open.gate.ask(open.session(), 'publish'), allow());
  });

  test('a time without end, or longer than timers take, is no time of a millisecond', async () => {
    for (const timeoutMs of [Infinity, 2 ** 31]) {
      const { gate, session } = setUp(() => new Promise((resolve) => setTimeout(resolve, 5, allow())), { timeoutMs });
      assert.deepEqual(await gate.ask(session(), 'publish'), allow());
    }
  });

  test('a limit that cannot be kept is a failure, and lets in nobody but by onError', async () => {
    const unlimited: AdmitHandler = () => ({ allow: true, limits: { maxDurationMs: Number.NaN } });
    const closed = setUp(unlimited);
    await assert.rejects(closed.gate.ask(closed.session(), 'publish'), { message: 'the decision failed' });
    assert.match(String(closed.warnings()[0]!.fields['err']), /maxDurationMs of a decision is NaN/);
  });

  test('a peer that leaves ends the wait with its reason, and aborts the signal', async () => {
    const signals: AbortSignal[] = [];
    const { gate, session } = setUp(({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    });
    const peer = session();
    const asked = gate.ask(peer, 'play');
    await settle();
    const gone = new ConnectionError('gone');
    peer.close(gone);
    await assert.rejects(asked, (error) => error === gone);
    assert.equal(signals[0]!.aborted, true);
  });

  test('so many decisions at once, the others in order', async () => {
    const { calls, handler } = held();
    const { gate, session } = setUp(handler, { concurrency: 2 });
    const answers: string[] = [];
    const asked = ['a', 'b', 'c', 'd'].map(async (name) => {
      const { reason } = await gate.ask(session(), 'play');
      answers.push(`${name} ${reason}`);
    });
    await settle();
    assert.equal(calls.length, 2);
    calls[1]!(deny('2'));
    await settle();
    assert.equal(calls.length, 3);
    calls[2]!(deny('3'));
    await settle();
    assert.equal(calls.length, 4);
    calls[0]!(deny('1'));
    calls[3]!(deny('4'));
    await Promise.all(asked);
    assert.deepEqual(answers, ['b 2', 'c 3', 'a 1', 'd 4']);
  });

  test('the time runs while waiting for others, and who gives up gives his turn up', async () => {
    const { calls, handler } = held();
    const { gate, session } = setUp(handler, { concurrency: 1, timeoutMs: 20 });
    const asked = await Promise.allSettled([gate.ask(session(), 'play'), gate.ask(session(), 'play')]);
    assert.ok(asked.every((answer) => answer.status === 'rejected' && answer.reason instanceof DeniedError));
    assert.equal(calls.length, 1, 'a handler that has not ended keeps its place');
    calls[0]!(allow());
    await settle();
    const third = gate.ask(session(), 'play');
    await settle();
    assert.equal(calls.length, 2);
    calls[1]!(allow());
    assert.deepEqual(await third, allow());
  });

  test('numbers that make no sense are refused where they are given', () => {
    assert.throws(() => new Gate(allow, { timeoutMs: 0 }), { name: 'RangeError', message: /timeoutMs is 0/ });
    assert.throws(() => new Gate(allow, { concurrency: 0 }), { name: 'RangeError', message: /concurrency is 0/ });
  });
});
