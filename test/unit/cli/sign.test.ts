import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parseArguments } from '../../../src/cli/arguments.ts';
import { explainError } from '../../../src/cli/explain.ts';
import { loadConfig } from '../../../src/cli/load-config.ts';
import { sign } from '../../../src/cli/sign.ts';
import { NodeMediaServer, signStream } from '../../../src/index.ts';

const root = mkdtempSync(join(tmpdir(), 'sign-'));
after(() => rmSync(root, { recursive: true, force: true }));
const NOW = 1_700_000_000_500;

/** What the command prints, or its one line of an error. */
function run(document: object | null, ...argv: string[]): string {
  const cwd = mkdtempSync(join(root, 'place-'));
  if (document !== null) writeFileSync(join(cwd, 'config.json'), JSON.stringify(document));
  const invocation = parseArguments(['sign', ...argv], { version: '0', cwd });
  if (invocation.kind === 'refused') return invocation.text.trim();
  assert.ok(invocation.kind === 'sign', JSON.stringify(invocation));
  const { configPath, flags } = invocation;
  const loaded = loadConfig({ configPath, flags, environment: {}, cwd, sections: NodeMediaServer.sections });
  try {
    return sign(loaded, invocation, NOW);
  } catch (error) {
    const line = explainError(error, loaded);
    assert.ok(line !== null, String(error));
    return line;
  }
}

const config = { auth: { secret: 's3' }, rtmp: { port: 1935 }, http: { port: 8000 } };

describe('nms sign', () => {
  test('prints the parameter and an address for each door', () => {
    const query = `sign=${signStream('publish', '/live/test', 1_700_000_000 + 3600, 's3')}`;
    const expected = [
      query,
      `rtmp://localhost:1935/live/test?${query}`,
      `http://localhost:8000/live/test.flv?${query}`,
    ];
    assert.equal(run(config, 'publish', '/live/test', '--ttl', '1h'), expected.join('\n'));
    assert.equal(run(config, 'publish', '/live/test'), expected.join('\n'));
  });

  test('knows every door, its host and its port, and characters that addresses do not', () => {
    const every = { auth: { secret: 's3' }, bind: '192.0.2.1', rtmps: { port: 1 }, https: { port: 2 } };
    const query = `sign=${signStream('play', '/live/к', 1_700_000_000 + 90, 's3')}`;
    assert.equal(
      run(every, 'play', '/live/к', '--ttl', '90s', '--http-port', '3'),
      [
        query,
        `rtmps://192.0.2.1:1/live/%D0%BA?${query}`,
        `http://192.0.2.1:3/live/%D0%BA.flv?${query}`,
        `https://192.0.2.1:2/live/%D0%BA.flv?${query}`,
      ].join('\n'),
    );
  });

  test('says in one line what is wrong', () => {
    const cases: [object | null, string[], RegExp][] = [
      [config, ['publish', 'live'], /^"live" has a path that does not begin with "\/"; \/app\/name is allowed$/],
      [config, ['publish', '/live/'], /^"\/live\/" has an empty part in the stream name; \/app\/name is allowed$/],
      [{ rtmp: {} }, ['play', '/live/a'], /^config\.json: auth\.secret is empty; a first start makes one$/],
      [
        null,
        ['play', '/live/a'],
        /^config\.json: no config\.json here; auth\.secret is empty; a first start makes one$/,
      ],
      [config, ['record', '/live/a'], /publish or play is allowed\.$/],
      [
        config,
        ['play', '/live/a', '--ttl', '0s'],
        /A number followed by s, m, h or d is allowed, ten years at most\.$/,
      ],
      [config, ['play', '/live/a', '--ttl', '4000d'], /ten years at most\.$/],
      [config, ['play', '/live/a', '--ttl', '1'], /A number followed by/],
    ];
    for (const [document, argv, line] of cases) assert.match(run(document, ...argv), line, argv.join(' '));
  });
});
