import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inGroups, secretOf } from './otpauth.ts';

test('the secret of an otpauth address can be typed', () => {
  assert.equal(secretOf('otpauth://totp/MegaBot:telegram%3A12?issuer=MegaBot&secret=JBSWY3DPEHPK3PXP&digits=6'), 'JBSWY3DPEHPK3PXP');
  assert.equal(inGroups('JBSWY3DPEHPK3PXP'), 'JBSW Y3DP EHPK 3PXP');
});

for (const uri of ['', 'nonsense', 'https://x.example/?secret=JBSWY3DPEHPK3PXP', 'otpauth://totp/x', 'otpauth://totp/x?secret=abc', 'otpauth://totp/x?secret=JBSWY3DP%E2%80%AEEHPK3PXP']) {
  test(`no secret is made up from ${JSON.stringify(uri)}`, () => assert.equal(secretOf(uri), null));
}
