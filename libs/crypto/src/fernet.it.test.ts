import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { deriveFernetKey, openFernet, sealFernet } from './fernet.ts';

/**
 * Interoperation with the `cryptography` package of Debian (python3-cryptography).
 * The script opens every token given, and seals every plaintext again under a key it derives itself.
 */
const script = `
import base64, hashlib, json, sys
from cryptography.fernet import Fernet
given = json.load(sys.stdin)
raw = hashlib.pbkdf2_hmac("sha256", given["password"].encode(), base64.b64decode(given["salt"]), 100000, 32)
fernet = Fernet(base64.urlsafe_b64encode(raw))
opened = [fernet.decrypt(token.encode(), ttl=60) for token in given["tokens"]]
json.dump({
    "opened": [base64.b64encode(data).decode() for data in opened],
    "sealed": [fernet.encrypt(data).decode() for data in opened],
}, sys.stdout)
`;

async function python(input: object): Promise<{ opened: string[]; sealed: string[] }> {
  return await new Promise((resolve, reject) => {
    const child = execFile('/usr/bin/python3', ['-c', script], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout) => {
      if (error) reject(error);
      else resolve(JSON.parse(stdout) as { opened: string[]; sealed: string[] });
    });
    child.stdin?.end(JSON.stringify(input));
  });
}

describe('Python and Node', () => {
  test('open each other\'s tokens, from the empty message to one megabyte', async () => {
    const password = 'pässwörd – ключ';
    const salt = randomBytes(16);
    const key = await deriveFernetKey(password, salt);
    const plaintexts = [0, 1, 15, 16, 17, 31, 32, 33, 1000, 65_536, 1_048_576].map((size) => randomBytes(size));
    plaintexts.push(Buffer.from('{"text":"Grüße 🦊"}', 'utf8'));

    const reply = await python({
      password,
      salt: salt.toString('base64'),
      tokens: plaintexts.map((plaintext) => sealFernet(key, plaintext)),
    });

    assert.deepEqual(reply.opened, plaintexts.map((plaintext) => plaintext.toString('base64')));
    assert.equal(reply.sealed.length, plaintexts.length);
    for (const [index, token] of reply.sealed.entries()) {
      const opened = openFernet(key, token, { maxAgeSeconds: 60, maxSkewSeconds: 60 });
      assert.ok(plaintexts[index]?.equals(opened));
    }
  });
});
