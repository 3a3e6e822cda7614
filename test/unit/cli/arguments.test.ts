import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseArguments } from '../../../src/cli/arguments.ts';

const parse = (...argv: string[]) => parseArguments(argv, { version: '1.2.3', cwd: '/here' });

function served(...argv: string[]) {
  const invocation = parse(...argv);
  assert.ok(invocation.kind === 'start' || invocation.kind === 'check', JSON.stringify(invocation));
  return { ...invocation, values: invocation.flags.values, origins: Object.fromEntries(invocation.flags.origins) };
}

function refused(...argv: string[]): string {
  const invocation = parse(...argv);
  assert.ok(invocation.kind === 'refused', JSON.stringify(invocation));
  return invocation.text;
}

describe('parseArguments', () => {
  test('nothing, or start, starts; no flag sets nothing', () => {
    for (const argv of [[], ['start']]) {
      const { kind, configPath, values } = served(...argv);
      assert.deepEqual({ kind, configPath, values }, { kind: 'start', configPath: null, values: {} });
    }
    assert.equal(served('check', '-c', 'a.json').configPath, 'a.json');
    assert.equal(served('--config', 'a.json').configPath, 'a.json');
  });

  test('every flag of Node-Media-Server 4 sets its key', () => {
    const { values, origins } = served(
      ...['-b', '::', '--rtmp-port', '1', '--rtmps-port', '2', '--http-port', '3', '--https-port', '65535'],
      ...['--data-path', 'd', '--record-path', '/r', '--record-auto', '--notify-url', 'https://a/b'],
      ...['--auth-play', '--auth-publish', '--no-admin'],
    );
    assert.deepEqual(values, {
      bind: '::',
      rtmp: { port: 1 },
      rtmps: { port: 2 },
      http: { port: 3 },
      https: { port: 65535 },
      store: { path: '/here/d' },
      record: { path: '/r', auto: true },
      notify: { url: 'https://a/b' },
      auth: { play: true, publish: true },
      webadmin: { enable: false },
    });
    assert.equal(origins['rtmp.port'], '--rtmp-port');
    assert.equal(origins['webadmin.enable'], '--no-admin');
    assert.equal(Object.keys(origins).length, 12);
  });

  test('--workers takes a number or auto', () => {
    assert.deepEqual(served('--workers', '4').values, { workers: 4 });
    assert.deepEqual(served('check', '--workers=auto').values, { workers: 'auto' });
    for (const text of ['0', '-1', '1.5', 'all', '', '1000']) {
      const refusal = /^error: option '--workers <n>' .*A whole number from 1 on, or auto, is allowed\.\n$/;
      assert.match(refused(`--workers=${text}`), refusal);
    }
  });

  test('flags stand before or after the command', () => {
    assert.deepEqual(served('--rtmp-port', '5', 'check').values, { rtmp: { port: 5 } });
    assert.deepEqual(served('check', '--rtmp-port', '5').values, { rtmp: { port: 5 } });
  });

  for (const port of ['0', '65536', '-1', '1.5', 'x', '', '0x50', '99999999999']) {
    test(`port "${port}" is refused in one line that says what is allowed`, () => {
      const text = refused(`--rtmp-port=${port}`);
      assert.match(text, /^error: option '--rtmp-port <n>' .*A whole number from 1 to 65535 is allowed\.\n$/);
    });
  }

  test('other wrong values are refused in one line', () => {
    assert.match(refused('--notify-url', 'a/b'), /^error: .*'a\/b' is invalid\. An absolute address.*\n$/);
    assert.match(refused('--notify-url', 'ftp://a/b'), /^error: .*An absolute address.*\n$/);
    assert.match(refused('-b', ''), /^error: .*not empty.*\n$/);
    assert.match(refused('-c'), /^error: .*argument missing\n$/);
    assert.match(refused('check', '-c', ''), /^error: .*not empty.*\n$/);
    assert.match(refused('publish'), /^error: missing required argument 'url'\n$/);
  });

  test('an unknown flag or command is named, with the usage', () => {
    assert.match(refused('--rtmp-prot', '1'), /^error: unknown option '--rtmp-prot'\n\(Did you mean --rtmp-port\?\)/);
    for (const argv of [['--nope'], ['frobnicate'], ['check', '--nope']]) {
      const text = refused(...argv);
      assert.match(text, /^error: /);
      assert.match(text, /\nUsage: nms /);
    }
  });

  test('help and version are texts', () => {
    assert.deepEqual(parse('--version'), { kind: 'text', text: '1.2.3\n' });
    for (const flag of ['-h', '--help']) {
      const help = parse(flag);
      assert.ok(help.kind === 'text');
      for (const word of ['--rtmps-port', '--no-admin', 'publish', './config.json', 'NMS_RTMP_PORT']) {
        assert.ok(help.text.includes(word), word);
      }
    }
  });

  test('publish and play take an address and a time', () => {
    const url = 'rtmp://h/a/b';
    const options = { seconds: 1.5, insecure: true };
    assert.deepEqual(parse('publish', url, '--seconds', '1.5', '--insecure'), { kind: 'publish', url, ...options });
    assert.deepEqual(parse('play', url), { kind: 'play', url, insecure: false });
    assert.match(refused('play', 'x', '--seconds', '0'), /A number above 0 is allowed/);
  });
});
