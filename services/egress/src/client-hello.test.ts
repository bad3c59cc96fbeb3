import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { maxHelloBytes, serverNameOf } from './client-hello.ts';
import { helloFor } from './testing/hello.ts';

/** The same hello in records of `size` bytes each. */
function inRecords(hello: Buffer, size: number): Buffer {
  const body = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 0xff]), part);
  }
  return Buffer.concat(records);
}

suite('the first bytes of a tunnel', async () => {
  const hello = await helloFor('granted.example');

  test('name the server that TLS is spoken with', () => assert.deepEqual(serverNameOf(hello), { name: 'granted.example' }));
  test('name it also when the hello is cut into small records', () => assert.deepEqual(serverNameOf(inRecords(hello, 40)), { name: 'granted.example' }));
  test('are waited for until they are whole', () => {
    for (let length = 0; length < hello.length; length++) assert.equal(serverNameOf(hello.subarray(0, length)), 'incomplete', String(length));
    for (let length = 0; length < hello.length; length += 7) assert.equal(serverNameOf(inRecords(hello, 40).subarray(0, length)), 'incomplete', String(length));
  });
  test('are refused without a name', async () => assert.equal(serverNameOf(await helloFor(undefined)), 'no_tls'));
  test('are refused with two names', () => {
    const twice = twoNames(hello);
    assert.equal(serverNameOf(twice), 'no_tls');
  });
  for (const [what, bytes] of Object.entries({ HTTP: 'GET / HTTP/1.1\r\n', SSH: 'SSH-2.0-OpenSSH_9.2\r\n', SMTP: 'EHLO x\r\n', 'SSL 2': '\x80\x2e\x01\x03\x01' })) {
    test(`are refused at once when they are ${what}`, () => assert.equal(serverNameOf(Buffer.from(bytes, 'latin1')), 'no_tls'));
  }
  test('are not waited for without end', () => {
    const endless = Buffer.concat(Array.from({ length: 4_000 }, () => Buffer.from([22, 3, 1, 0, 1, 1])));
    assert.equal(serverNameOf(endless.subarray(0, maxHelloBytes)), 'no_tls');
  });
  test('are never more than refused, whatever they are', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void serverNameOf(bytes)));
    fc.assert(fc.property(fc.nat(hello.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(hello);
      changed[at] = value;
      serverNameOf(changed);
    }));
  });
});

/** Adds a second server name extension: servers disagree on which one counts. */
function twoNames(hello: Buffer): Buffer {
  const name = Buffer.from('evil.example');
  const extension = Buffer.concat([Buffer.from([0, 0, 0, name.length + 5, 0, name.length + 3, 0, 0, name.length]), name]);
  const changed = Buffer.concat([hello, extension]);
  changed.writeUInt16BE(changed.length - 5, 3);
  changed.writeUIntBE(changed.length - 9, 6, 3);
  let at = 9 + 2 + 32;
  at += 1 + changed.readUInt8(at);
  at += 2 + changed.readUInt16BE(at);
  at += 1 + changed.readUInt8(at);
  changed.writeUInt16BE(changed.readUInt16BE(at) + extension.length, at);
  return changed;
}
