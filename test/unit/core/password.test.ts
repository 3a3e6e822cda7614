import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  generatePassword,
  hashPassword,
  isPasswordHash,
  isWeakPassword,
  verifyPassword,
} from '../../../src/core/password.ts';

const salt = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const derived = scryptSync('correct horse', salt, 64, { N: 16384, r: 8, p: 1 });

describe('passwords', () => {
  test('a new hash has the form of Node-Media-Server 4.4: lower-case hex, 16 and 64 bytes', async () => {
    const stored = await hashPassword('x');
    assert.match(stored, /^scrypt\$16384\$8\$1\$[0-9a-f]{32}\$[0-9a-f]{128}$/);
    assert.notEqual(await hashPassword('x'), stored);
    assert.equal(isPasswordHash(stored), true);
  });

  for (const encoding of ['hex', 'base64', 'base64url'] as const) {
    test(`a hash in ${encoding} is checked`, async () => {
      const stored = `scrypt$16384$8$1$${salt.toString(encoding)}$${derived.toString(encoding)}`;
      assert.equal(await verifyPassword('correct horse', stored), true);
      assert.equal(await verifyPassword('correct horsf', stored), false);
      assert.equal(await verifyPassword('', stored), false);
    });
  }

  test('other costs and lengths are read from the hash', async () => {
    const key = scryptSync('p', salt, 32, { N: 1024, r: 4, p: 2 });
    assert.equal(await verifyPassword('p', `scrypt$1024$4$2$${salt.toString('hex')}$${key.toString('hex')}`), true);
  });

  for (const damaged of [
    'scrypt$16384$8$1$00',
    'scrypt$16384$8$1$$',
    'scrypt$16385$8$1$00$00',
    'scrypt$0$8$1$00$00',
    'scrypt$1073741824$8$1$00$00',
    'scrypt$16384$8$1000000$00$00',
    'scrypt$65536$1$1$00$00',
    'scrypt$2$1000000$1$00$00',
    'scrypt$16384$8$1$zz!$00',
    'scrypt$16384$8$1$00$00$00',
  ]) {
    test(`the damaged hash ${damaged} fits nothing, not even its own text`, async () => {
      assert.equal(await verifyPassword(damaged, damaged), false);
      assert.equal(await verifyPassword('', damaged), false);
      assert.equal(isPasswordHash(damaged), true);
    });
  }

  test('a plain password of a library fits itself only, an empty one nothing', async () => {
    assert.equal(await verifyPassword('plain', 'plain'), true);
    assert.equal(await verifyPassword('plain ', 'plain'), false);
    assert.equal(await verifyPassword('', ''), false);
    assert.equal(isPasswordHash('plain'), false);
  });

  test('empty and well-known passwords are weak', () => {
    for (const password of ['', 'admin', 'Admin', 'nms2018']) assert.equal(isWeakPassword(password), true, password);
    assert.equal(isWeakPassword('correct horse'), false);
  });

  test('a generated password has 16 characters that are not read as each other', () => {
    const made = Array.from({ length: 200 }, generatePassword);
    for (const password of made) assert.match(password, /^[A-HJ-NP-Za-km-z2-9]{16}$/);
    assert.equal(new Set(made).size, 200);
  });
});
