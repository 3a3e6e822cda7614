import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveConfig } from '../../../../src/core/config-schema.ts';
import { ConfigError } from '../../../../src/errors.ts';
import { type NotifyConfig, notifySection } from '../../../../src/servers/notify/config.ts';
import { nmsEvents } from '../../../../src/servers/notify/event-names.ts';
import { createTargets } from '../../../../src/servers/notify/target.ts';

const sections = { notify: notifySection };
const targetsOf = (notify: unknown) => createTargets(resolveConfig({ notify }, sections)['notify'] as NotifyConfig);

describe('the targets of webhooks', () => {
  test('notify.url is one in the form of Node-Media-Server 4 that gets the events it knows', () => {
    const [target, ...others] = targetsOf({ url: 'http://a.example/hook' });
    assert.deepEqual(others, []);
    assert.equal(target?.format, 'nms');
    assert.equal(target?.onError, 'deny');
    assert.deepEqual([...(target?.events ?? [])], nmsEvents);
  });

  test('names hold no secrets and are told apart', () => {
    const targets = targetsOf({
      url: 'https://u:hunter2@a.example/hook?token=hunter2',
      targets: [{ url: 'https://a.example/hook' }, { url: 'https://b.example/x', name: 'b' }],
    });
    assert.deepEqual(
      targets.map(({ name }) => name),
      ['https://a.example/hook', 'https://a.example/hook#2', 'b'],
    );
  });

  const wrong: readonly [object, string][] = [
    [{ url: 'ftp://a/' }, 'notify.targets[0].url'],
    [{ url: 'http://a/', events: ['postpublish'] }, 'notify.targets[0].events[0]'],
    [{ url: 'http://a/', events: [] }, 'notify.targets[0].events'],
    [{ url: 'http://a/', headers: { 'a b': 'hunter2' } }, 'notify.targets[0].headers'],
    [{ url: 'http://a/', headers: { a: 'hunter2\r\nb: c' } }, 'notify.targets[0].headers'],
    [{ url: 'http://a/', headers: { 'Content-Length': '7' } }, 'notify.targets[0].headers'],
    [{ url: 'http://a/', headers: { 'x-nms-signature': 'hunter2' } }, 'notify.targets[0].headers'],
    [{ url: 'http://a/', secret: ['hunter2'] }, 'notify.targets[0].secret'],
    [{ url: 'http://a/', timeout: 5 }, 'notify.targets[0].timeout'],
  ];
  for (const [target, path] of wrong) {
    test(`${JSON.stringify(target)} is refused at ${path}, and no secret shown`, () => {
      assert.throws(
        () => targetsOf({ targets: [target] }),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.equal(error.path, path);
          assert.doesNotMatch(error.message, /hunter2/);
          return true;
        },
      );
    });
  }
});
