import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BusyError, ConnectionError } from '../../../../src/errors.ts';
import { type Claimant, Claims } from '../../../../src/servers/cluster/claims.ts';

const PATH = '/live/a';

/** A worker whose publisher gives way, or does not. */
class FakeWorker implements Claimant {
  readonly number: number;
  readonly asked: string[] = [];
  hasEnded = false;
  answer: () => Promise<void> = () => Promise.resolve();

  constructor(number: number) {
    this.number = number;
  }

  get innerPath(): string {
    return `socket ${this.number}`;
  }

  mayYield(): Promise<void> {
    this.asked.push('may yield');
    return this.answer();
  }

  yieldPlace(_streamPath: string, by: string): Promise<void> {
    this.asked.push(`yield to ${by}`);
    return this.answer();
  }
}

describe('claims of streams', () => {
  test('a free path is given without asking anybody, and is nowhere until it is announced', async () => {
    const claims = new Claims();
    const worker = new FakeWorker(1);
    await claims.check(worker, PATH);
    await claims.claim(worker, PATH, 'him');
    assert.deepEqual(claims.places, []);
    const place = { streamPath: PATH, worker: 1, innerPath: 'socket 1' };
    assert.deepEqual(claims.announce(worker, PATH), place);
    assert.deepEqual(claims.places, [place]);
    // The same worker again: its own rules are its own affair.
    await claims.claim(worker, PATH, 'another');
    assert.deepEqual(claims.places, [place]);
    assert.deepEqual(worker.asked, []);
  });

  test('a holder who defends his path keeps it', async () => {
    const claims = new Claims();
    const [holder, other] = [new FakeWorker(1), new FakeWorker(2)];
    await claims.claim(holder, PATH, 'him');
    claims.announce(holder, PATH);
    holder.answer = () => Promise.reject(new BusyError('taken'));
    await assert.rejects(claims.check(other, PATH), new BusyError('taken'));
    await assert.rejects(claims.claim(other, PATH, 'her'), new BusyError('taken'));
    assert.deepEqual(holder.asked, ['may yield', 'yield to her']);
    assert.equal(claims.places[0]?.worker, 1);
  });

  test('one who gives way has nothing to announce and nothing to give back any more', async () => {
    const claims = new Claims();
    const [holder, other] = [new FakeWorker(1), new FakeWorker(2)];
    await claims.claim(holder, PATH, 'him');
    claims.announce(holder, PATH);
    await claims.claim(other, PATH, 'her');
    assert.deepEqual(claims.places, []);
    assert.equal(claims.announce(holder, PATH), null);
    assert.equal(claims.release(holder, PATH), false);
    assert.equal(claims.announce(other, PATH)?.worker, 2);
    assert.equal(claims.release(other, PATH), true);
    assert.deepEqual(claims.places, []);
  });

  test('two claims of one path are decided one after the other', async () => {
    const claims = new Claims();
    const [first, second, third] = [new FakeWorker(1), new FakeWorker(2), new FakeWorker(3)];
    await claims.claim(first, PATH, 'first');
    const held = Promise.withResolvers<void>();
    first.answer = () => held.promise;
    second.answer = () => Promise.reject(new BusyError('the second has it'));
    const answers = [claims.claim(second, PATH, 'second'), claims.claim(third, PATH, 'third')];
    // The path of another stream does not wait.
    await claims.claim(third, '/live/b', 'third');
    assert.deepEqual(second.asked, []);
    held.resolve();
    await answers[0];
    await assert.rejects(answers[1]!, new BusyError('the second has it'));
    assert.deepEqual([first.asked, second.asked], [['yield to second'], ['yield to third']]);
  });

  test('a worker that died, or dies while it is asked, defends nothing', async () => {
    const claims = new Claims();
    const [holder, other] = [new FakeWorker(1), new FakeWorker(2)];
    await claims.claim(holder, PATH, 'him');
    holder.answer = () => Promise.reject(new ConnectionError('worker 1 has ended'));
    await claims.check(other, PATH);
    await claims.claim(other, PATH, 'her');
    await claims.claim(holder, '/live/b', 'him');
    holder.hasEnded = true;
    await claims.claim(other, '/live/b', 'her');
    assert.deepEqual(holder.asked, ['may yield', 'yield to her']);
  });

  test('a worker that ends while its claim is decided gets nothing, and takes all that it had along', async () => {
    const claims = new Claims();
    const [holder, other] = [new FakeWorker(1), new FakeWorker(2)];
    await claims.claim(holder, PATH, 'him');
    await claims.claim(other, '/live/b', 'her');
    const held = Promise.withResolvers<void>();
    holder.answer = () => held.promise;
    const answer = claims.claim(other, PATH, 'her');
    other.hasEnded = true;
    assert.deepEqual(claims.releaseAll(other), ['/live/b']);
    held.resolve();
    await assert.rejects(answer, BusyError);
    assert.deepEqual(claims.releaseAll(other), []);
  });
});
