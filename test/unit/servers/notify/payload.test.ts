import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { hookEvents, nmsEvents } from '../../../../src/servers/notify/event-names.ts';
import {
  createNmsPayload,
  createPayload,
  payloadJsonSchema,
  payloadSchema,
} from '../../../../src/servers/notify/payload.ts';
import { ClosedError } from '../../../../src/errors.ts';
import { FakeSession, makeContext } from '../../../support/house.ts';

const docs = resolve(import.meta.dirname, '../../../../docs');
const session = () =>
  new FakeSession(makeContext(), '/live/cam', {
    address: '192.0.2.7',
    query: { sign: '1-ab', token: 'ey', room: '7' },
  });

describe('the payload of webhooks', () => {
  test('is described by the schema that is published', () => {
    const published: unknown = JSON.parse(readFileSync(resolve(docs, '6-reference/webhook.schema.json'), 'utf8'));
    assert.deepEqual(published, JSON.parse(JSON.stringify(payloadJsonSchema())));
  });

  for (const event of hookEvents) {
    test(`of ${event} fits its schema, to the last field`, () => {
      const payload = createPayload({ id: 'e1', event, session: session(), at: 5 });
      assert.deepEqual(payloadSchema.parse(payload), payload);
      const fields = Object.keys(payloadSchema.shape.session.shape);
      assert.deepEqual(Object.keys(payload.session), fields);
    });
  }

  test('holds all parameters where the answer decides, and none of our own credentials elsewhere', () => {
    const queryOf = (event: 'prePublish' | 'postPublish') =>
      createPayload({ id: 'e1', event, session: session(), at: 5 }).session.streamQuery;
    assert.deepEqual(queryOf('prePublish'), { sign: '1-ab', token: 'ey', room: '7' });
    assert.deepEqual(queryOf('postPublish'), { room: '7' });
  });

  test('says who asks, who publishes, and why it ended', () => {
    const one = session();
    assert.equal(createPayload({ id: 'e1', event: 'prePublish', session: one, at: 5 }).session.isPublisher, true);
    assert.equal(createPayload({ id: 'e1', event: 'prePlay', session: one, at: 5 }).session.isPublisher, false);
    assert.equal(createPayload({ id: 'e1', event: 'prePlay', session: one, at: 5 }).session.reason, null);
    one.close(new ClosedError('kicked'));
    const { reason } = createPayload({ id: 'e1', event: 'donePublish', session: one, at: 5 }).session;
    assert.deepEqual(reason, { code: 'NMS_CLOSED', message: 'kicked' });
  });

  test('in the form of Node-Media-Server 4 is what its receivers know, in this order', () => {
    const one = session();
    one.inBytes = 55_100;
    one.endTime = 9;
    assert.equal(
      JSON.stringify(createNmsPayload({ id: 'e1', event: 'donePublish', session: one, at: 5 })),
      JSON.stringify({
        id: one.id,
        ip: one.ip,
        app: 'live',
        name: 'cam',
        query: { sign: '1-ab', token: 'ey', room: '7' },
        protocol: 'rtmp',
        createtime: one.createTime,
        endtime: 9,
        inbytes: 55_100,
        outbytes: 0,
        filePath: '',
        action: 'donePublish',
      }),
    );
    assert.equal(nmsEvents.length, 8);
  });
});
