import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rates } from '../../../../src/servers/api/rates.ts';
import { FakeSession, makeContext } from '../../../support/house.ts';

test('rates are of the time between two samples, totals of everything that ever came', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const context = makeContext();
  const rates = new Rates(context);
  const first = new FakeSession(context);
  const second = new FakeSession(context);
  first.inBytes = 5000;
  second.outBytes = 300;
  t.mock.timers.tick(1000);
  rates.sample();
  assert.deepEqual(rates.of(first), { inBps: 5000, outBps: 0 });
  assert.deepEqual(rates.of(second), { inBps: 0, outBps: 300 });
  assert.deepEqual(rates.network, { inBytes: 5000, outBytes: 300, inBps: 5000, outBps: 300 });
  first.inBytes += 1000;
  t.mock.timers.tick(2000);
  rates.sample();
  assert.deepEqual(rates.of(first), { inBps: 500, outBps: 0 });
  assert.deepEqual(rates.network, { inBytes: 6000, outBytes: 300, inBps: 500, outBps: 0 });
  t.mock.timers.tick(1000);
  rates.sample();
  assert.deepEqual([rates.of(first).inBps, rates.network.inBps], [0, 0]);
});

test('what a session moved after the last sample is not lost with it, and nothing is counted twice', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const context = makeContext();
  const rates = new Rates(context);
  const session = new FakeSession(context);
  session.outBytes = 100;
  t.mock.timers.tick(1000);
  rates.sample();
  session.outBytes += 11;
  session.close();
  context.eventEmitter.emit('sessionEnd', session);
  context.eventEmitter.emit('sessionEnd', session);
  assert.equal(rates.network.outBytes, 111);
  t.mock.timers.tick(1000);
  rates.sample();
  assert.deepEqual(rates.network, { inBytes: 0, outBytes: 111, inBps: 0, outBps: 11 });
});

test('a session that is counted elsewhere has the rate of the time in which it was counted', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const context = makeContext();
  const rates = new Rates(context);
  const session = new FakeSession(context);
  let countedAt = session.createTime + 1000;
  Object.defineProperty(session, 'countedAt', { get: () => countedAt });
  session.inBytes = 1000;
  t.mock.timers.tick(1500);
  rates.sample();
  assert.equal(rates.of(session).inBps, 1000);
  t.mock.timers.tick(400);
  rates.sample();
  assert.equal(rates.of(session).inBps, 1000, 'nothing new was counted');
  session.inBytes = 3000;
  countedAt += 1000;
  rates.sample();
  assert.equal(rates.of(session).inBps, 2000);
});

test('sessions of our own are in no total', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const context = makeContext();
  const rates = new Rates(context);
  const session = new FakeSession(context);
  Object.defineProperty(session, 'internal', { value: true });
  session.outBytes = 100;
  t.mock.timers.tick(1000);
  rates.sample();
  assert.deepEqual([rates.of(session).outBps, rates.network.outBytes], [100, 0]);
});
