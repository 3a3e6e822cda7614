import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { NodeMediaServer } from '../../src/index.ts';
import { askApi, signIn, startApi } from '../support/api.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/4-operate/api.md'), 'utf8');
const blocks = (kind: string) =>
  [...page.matchAll(new RegExp(`^ *\`\`\`${kind}\\n([\\s\\S]*?)^ *\`\`\``, 'gm'))].map(([, text]) => text!);

/** A request as the page writes it for curl. */
function readCurl(command: string) {
  const [, path = ''] = /localhost:8000\/api\/v1(\S+)/.exec(command) ?? [];
  const [, body] = /-d '([^']*)'/.exec(command) ?? [];
  const [, method] = /-X (\w+)/.exec(command) ?? [];
  const pairs = [...command.matchAll(/-H ['"]([\w-]+): ([^'"]*)['"]/g)].map(([, name, value]) => [name!, value!]);
  const headers: Record<string, string> = Object.fromEntries(pairs);
  return { path, method: method ?? (body === undefined ? 'GET' : 'POST'), headers, body };
}

const commands = blocks('sh')
  .flatMap((text) => text.replaceAll('\\\n', ' ').split('\n'))
  .filter((line) => line.includes('curl'))
  .map(readCurl);

describe('the page about the API', () => {
  test('shows requests that are answered as it says', async () => {
    await using house = await startApi();
    const seen: string[] = [];
    for (const { path, method, headers, body } of commands) {
      const { token, refreshToken } = await signIn(house.port, 'admin', `127.9.0.${seen.length + 1}`);
      const reply = await askApi(house.port, path, {
        method,
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [name, value.replace('$TOKEN', token)]),
        ),
        ...(body === undefined
          ? {}
          : {
              body: body
                .replace('"oldPassword":"…"', '"oldPassword":"right"')
                .replace('"newPassword":"…"', '"newPassword":"another one"')
                .replace('"password":"…"', '"password":"right"')
                .replace('eyJ…', refreshToken),
            }),
      });
      seen.push(`${method} ${path.replace(/(sessions\/).*/, '$1…')} ${reply.status}`);
      if (path !== '/login') continue;
      const [shown] = blocks('json');
      const { data } = JSON.parse(shown!);
      assert.deepEqual(Object.keys(reply.body.data).sort(), Object.keys(data).sort());
      assert.deepEqual(reply.body.data.user, data.user);
    }
    assert.deepEqual(seen, [
      'POST /login 200',
      'POST /login 200',
      'GET /streams 200',
      'DELETE /sessions/… 404',
      'POST /refresh 200',
      'POST /password 200',
    ]);
  });

  test('shows configurations that are right', () => {
    const shown = blocks('json').slice(1);
    assert.equal(shown.length, 2);
    for (const text of shown) {
      const config = JSON.parse(`{${text}}`);
      const { context } = new NodeMediaServer(config);
      assert.ok(context.config.auth.jwt.users.length > 0);
    }
  });
});
