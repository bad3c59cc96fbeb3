import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSignInCode, createSignInCode, signInCodeMs, signInLink } from './sign-in-code.ts';

const token = 'a-token-of-enough-characters';

test('a code holds for 15 minutes, for the token that made it', () => {
  const code = createSignInCode(token, 1_000);
  assert.ok(checkSignInCode(code, token, 1_000 + signInCodeMs));
  assert.equal(checkSignInCode(code, token, 1_001 + signInCodeMs), undefined);
  assert.equal(checkSignInCode(code, 'another-token-of-enough-characters', 1_000), undefined);
});

test('every bit of a code counts, and there is one spelling', () => {
  const code = createSignInCode(token, 0);
  const bytes = Buffer.from(code, 'base64url');
  for (let index = 0; index < bytes.length; index++) {
    const altered = Buffer.from(bytes);
    altered.writeUInt8(altered.readUInt8(index) ^ 1, index);
    assert.equal(checkSignInCode(altered.toString('base64url'), token, 0), undefined, `byte ${index}`);
  }
  for (const spelling of [`${code}=`, `${code}\n`, ` ${code}`, '']) assert.equal(checkSignInCode(spelling, token, 0), undefined);
});

test('two codes have two ids, and a link carries the code where no server sees it', () => {
  const [first, second] = [createSignInCode(token, 0), createSignInCode(token, 0)];
  assert.notEqual(checkSignInCode(first, token, 0)?.codeId, checkSignInCode(second, token, 0)?.codeId);
  assert.equal(new URL(signInLink('http://127.0.0.1:5173', first)).search, '');
});
