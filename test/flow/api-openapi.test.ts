import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isSecret } from '../../src/core/config-issues.ts';
import { listKeys } from '../../src/core/config-keys.ts';
import { NodeMediaServer } from '../../src/index.ts';
import { signIn, startApi } from '../support/api.ts';
import { DocumentCheck, type OpenApi, operationsOf, sample, send } from '../support/api-document.ts';
import { accessOf, ApiDriver, bodySchema, secrets } from '../support/api-driver.ts';

/** Keys of the configuration that hold secrets, as the schemas have them. */
function secretKeys(): string[] {
  return listKeys(NodeMediaServer.sections).flatMap(({ path, node }) => {
    const inner = Object.keys(node.items?.properties ?? {}).filter((name) => isSecret([name]));
    const own = isSecret(path) ? [path.join('.')] : [];
    return [...own, ...inner.map((name) => `${path.join('.')}[].${name}`)];
  });
}

/** What a parameter is not, of whatever kind it is. */
const NONSENSE = [
  '',
  '-1',
  '1e999',
  '%00',
  '..%2f..%2fetc%2fpasswd',
  '%3Cscript%3E',
  "'%20OR%201=1--",
  'x'.repeat(3000),
  '%F0%9F%98%80',
];
const WRONG_BODIES = [
  'null',
  '[]',
  '"text"',
  '7',
  '{"__proto__":{"role":"admin"}}',
  '{"constructor":{"prototype":{}}}',
  '{}',
];

describe('the API, driven from its own document', { concurrency: false }, () => {
  for (const workers of [1, 2]) {
    describe(workers === 1 ? 'in one process' : `with ${workers} workers`, () => {
      let driver: ApiDriver;
      before(async () => {
        driver = await ApiDriver.start(workers);
      });
      after(() => driver?.[Symbol.asyncDispose]());

      test('the document is OpenAPI 3.1, names each operation once and tells of its errors', () => {
        assert.equal(driver.document.openapi, '3.1.0');
        const ids = driver.operations.map(({ operationId }) => operationId);
        assert.ok(ids.length >= 20, ids.join());
        assert.equal(new Set(ids).size, ids.length);
        for (const { operationId, responses, parameters, path } of driver.operations) {
          assert.ok(responses['500'], operationId);
          const inPath = (parameters ?? []).filter((parameter) => parameter.in === 'path').map(({ name }) => name);
          assert.deepEqual(
            inPath,
            [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
          );
        }
      });

      test('without a token, with a wrong one and as a viewer, each answers as its access says', async () => {
        for (const operation of driver.operations) {
          const access = accessOf(operation);
          const without = await driver.drive(operation, driver.request(operation, null), 'without a token');
          const wrong = await driver.drive(operation, driver.request(operation, 'a.b.c'), 'with a wrong token');
          if (access === 'open') continue;
          assert.deepEqual([without.status, wrong.status], [401, 401], operation.operationId);
          const viewer = await driver.drive(
            operation,
            driver.request(operation, await driver.login('guest')),
            'as a viewer',
          );
          if (access === 'admin') assert.equal(viewer.status, 403, operation.operationId);
        }
      });

      /** A body that is right, where one that is made up would not be. */
      const rightBody = async (id: string): Promise<{ readonly token: string; readonly body?: object }> => {
        const { token, refreshToken } = await driver.enter('admin');
        if (id === 'login') return { token, body: { username: 'admin', password: driver.passwordOf('admin') } };
        if (id === 'refresh') return { token, body: { refreshToken } };
        if (id === 'changeConfig') return { token, body: { play: { waitMs: 9000 } } };
        if (id !== 'changePassword') return { token };
        const body = { oldPassword: driver.passwordOf('changer'), newPassword: 'topsecret-of-the-future' };
        return { token: (await driver.enter('changer')).token, body };
      };

      test('with what is right each answers 2xx, whatever it asks for', async () => {
        const others: string[] = [];
        await driver.recordTwice();
        for (const operation of driver.operations) {
          const { token, body } = await rightBody(operation.operationId);
          const over = body === undefined ? {} : { body: JSON.stringify(body) };
          const { status } = await driver.drive(
            operation,
            driver.request(operation, token, over),
            'with what is right',
          );
          if (status >= 300) others.push(`${operation.operationId} ${status}`);
        }
        assert.deepEqual(others, []);
      });

      test('with parameters that make no sense each answers 4xx, or takes them for nothing', async () => {
        const token = await driver.login('admin');
        for (const operation of driver.operations) {
          if (operation.operationId === 'logout') continue;
          for (const { name, in: place } of operation.parameters ?? []) {
            for (const nonsense of NONSENSE) {
              if (place === 'path' && nonsense === '') continue;
              const path =
                place === 'path'
                  ? driver.pathOf(operation, { [name]: nonsense })
                  : `${driver.pathOf(operation)}?${name}=${nonsense}&${name === 'page' ? 'x' : 'page'}=1`;
              await driver.drive(operation, driver.request(operation, token, { path }), `wrong ${name}`);
            }
            if (place === 'query') {
              const path = `${driver.pathOf(operation)}?${name}=a&${name}=b`;
              await driver.drive(operation, driver.request(operation, token, { path }), `${name} twice`);
            }
          }
          const unknown = driver.request(operation, token, {
            path: `${driver.pathOf(operation)}?nothing=1&__proto__=x&toString=y`,
          });
          await driver.drive(operation, unknown, 'unknown parameters');
        }
      });

      test('bodies that are missing, wrong, malformed, too large or no JSON are 400, 413 and 415', async () => {
        const token = await driver.login('admin');
        const json = { 'Content-Type': 'application/json' };
        for (const operation of driver.operations.filter((candidate) => bodySchema(candidate) !== undefined)) {
          const { operationId } = operation;
          const status = async (body: string | undefined, what: string, headers: Record<string, string> = json) =>
            (await driver.drive(operation, driver.request(operation, token, { body, headers }), what)).status;
          const required = (bodySchema(operation)?.required ?? []).length > 0;
          assert.equal(await status(undefined, 'no body'), 400, operationId);
          for (const body of WRONG_BODIES) {
            const got = await status(body, body);
            if (required) assert.equal(got, 400, `${operationId} ${body}`);
          }
          for (const name of bodySchema(operation)?.required ?? []) {
            const right = sample(bodySchema(operation)!, driver.document) as Record<string, unknown>;
            for (const wrong of [null, [], {}, true, 'x'.repeat(12_000)]) {
              assert.equal(
                await status(JSON.stringify({ ...right, [name]: wrong }), `wrong ${name}`),
                400,
                operationId,
              );
            }
            const { [name]: _, ...rest } = right;
            assert.equal(await status(JSON.stringify(rest), `without ${name}`), 400, operationId);
          }
          assert.equal(await status('{"a":', 'malformed'), 400, operationId);
          assert.equal(await status('['.repeat(5000), 'deep'), 400, operationId);
          assert.equal(await status(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`, 'deep'), 400, operationId);
          assert.equal(await status(`{"a":"${'x'.repeat(70_000)}"}`, 'large'), 413, operationId);
          assert.equal(await status('a=b', 'a form', { 'Content-Type': 'application/x-www-form-urlencoded' }), 415);
          assert.equal(await status('{}', 'without a type', { 'Content-Type': '' }), 415, operationId);
          assert.equal(await status('{}', 'compressed', { ...json, 'Content-Encoding': 'gzip' }), 415, operationId);
        }
      });

      test('methods that a path does not take are 405 with Allow, OPTIONS names them, HEAD answers as GET without its body', async () => {
        const token = await driver.login('admin');
        for (const [path, methods] of Object.entries(driver.document.paths)) {
          const [operation] = driver.operations.filter((candidate) => candidate.path === path);
          const known = Object.keys(methods).map((method) => method.toUpperCase());
          const allowed = [...known, ...(known.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
          for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'].filter((name) => !known.includes(name))) {
            const reply = await driver.exchange({ ...driver.request(operation!, token), method });
            assert.equal(reply.status, 405, `${method} ${path}`);
            assert.deepEqual([JSON.parse(reply.text).code, reply.headers['allow']], ['METHOD_NOT_ALLOWED', allowed]);
          }
          const options = await driver.exchange({ method: 'OPTIONS', path: driver.pathOf(operation!) });
          assert.deepEqual([options.status, options.headers['allow'], options.text], [204, allowed, '']);
          const get = driver.operations.find((candidate) => candidate.path === path && candidate.method === 'GET');
          if (get === undefined) continue;
          const full = await driver.exchange(driver.request(get, token));
          const head = await driver.exchange({ ...driver.request(get, token), method: 'HEAD' });
          assert.deepEqual([head.status, head.type, head.text], [full.status, full.type, ''], path);
        }
      });

      test('no answer was a page, told of files or code, or held a secret', () => {
        assert.deepEqual(secretKeys().sort(), Object.keys(secrets).sort());
        assert.ok(driver.everything.length > 500, `${driver.everything.length} answers`);
        const all = driver.everything.join('\n');
        const hidden = [
          ...Object.values(secrets),
          ...driver.signatures,
          'topsecret',
          driver.folder,
          'node_modules',
          process.cwd(),
        ];
        for (const secret of hidden) assert.equal(all.includes(secret), false, secret);
        assert.doesNotMatch(all, /<!doctype|<html/i);
        assert.doesNotMatch(all, /\\n\s+at |\.[jt]s:\d+/);
        assert.doesNotMatch(all, /x-powered-by/i);
      });

      test('and no failure was written to the log', () => {
        assert.deepEqual(
          driver.running.lines.filter(({ level }) => level === 'error'),
          [],
        );
        assert.doesNotMatch(JSON.stringify(driver.running.lines), /topsecret/);
      });
    });
  }
});

test('a server without recorder, history and configuration says so in the words of the document', async () => {
  await using house = await startApi();
  house.context.configuration = null;
  const reply = await send(house.port, { method: 'GET', path: '/openapi.json' }, '127.0.0.1');
  const document: OpenApi = JSON.parse(reply.text);
  const check = new DocumentCheck(document);
  const unavailable: string[] = [];
  for (const [index, operation] of operationsOf(document).entries()) {
    const { token } = await signIn(house.port, 'admin', `127.8.0.${index + 1}`);
    const schema = operation.requestBody?.content['application/json']?.schema;
    const body = schema === undefined ? undefined : JSON.stringify(sample(schema, document));
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const path = operation.path.replace(/\{\w+\}/g, 'none');
    const received = await send(house.port, { method: operation.method, path, headers, body }, `127.7.0.${index + 1}`);
    check.answer(operation, received, operation.operationId);
    if (received.status === 503) unavailable.push(operation.operationId);
  }
  for (const id of ['getConfig', 'changeConfig', 'changePassword', 'listRecords', 'listHistory']) {
    assert.ok(unavailable.includes(id), `${id} is not among ${unavailable.join()}`);
  }
});
