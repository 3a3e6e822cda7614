import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodePeer, readPeer } from '../../../../src/servers/cluster/peer-header.ts';

const TOKEN = '0123456789abcdef';

describe('the header that names a client', () => {
  test('is read back as it was written', () => {
    for (const peer of [
      { address: '192.0.2.7', port: 51234, isSecure: true },
      { address: '2001:db8::1', port: 1, isSecure: false },
      { address: '', port: 0, isSecure: false },
    ]) {
      assert.deepEqual(readPeer(encodePeer(peer, TOKEN), TOKEN), peer);
    }
  });

  test('says nothing without the token of this run', () => {
    const peer = { address: '192.0.2.7', port: 1, isSecure: false };
    assert.equal(readPeer(undefined, TOKEN), null);
    assert.equal(readPeer([encodePeer(peer, TOKEN)], TOKEN), null);
    assert.equal(readPeer(encodePeer(peer, TOKEN.replace('f', 'e')), TOKEN), null);
    assert.equal(readPeer(encodePeer(peer, `${TOKEN}0`), TOKEN), null);
    assert.equal(readPeer(`${'é'.repeat(TOKEN.length)} tcp 1 192.0.2.7`, TOKEN), null);
    fc.assert(fc.property(fc.string(), (text) => readPeer(text, TOKEN) === null || text.startsWith(TOKEN)));
  });
});
