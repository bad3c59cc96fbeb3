import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes, ServiceError } from '@megabot/contracts/errors.ts';
import { closeReason, errorTable, gatewayCodes, publicFailure, type PublicCode } from './error-table.ts';

const codes: PublicCode[] = [...errorCodes, ...gatewayCodes];

test('every code of the contracts and of the gateway has a row, and no row is left over', () => {
  assert.deepEqual(Object.keys(errorTable).sort(), [...codes].sort());
});

for (const code of codes) {
  test(`${code}: an HTTP status, a sentence, a hint, and a close reason that fits into a close frame`, () => {
    const { status, close, title, hint } = errorTable[code];
    assert.ok(status >= 400 && status < 600);
    assert.ok(close === null || (close >= 1000 && close < 5000));
    assert.ok(title.length > 5 && hint.length > 5);
    assert.ok(Buffer.byteLength(closeReason(code)) <= 123);
  });
}

test('expired, decided, changed, unknown and ambiguous approvals are told apart', () => {
  const titles = (['approval_expired', 'approval_decided', 'approval_changed', 'approval_unknown', 'approval_ambiguous'] as const).map((code) => errorTable[code].title);
  assert.equal(new Set(titles).size, 5);
});

test('an error that nobody wrote for the client shows nothing of itself', () => {
  const secret = 'postgres://user:secret@host';
  for (const error of [new Error(secret), new ServiceError('internal', secret), secret]) {
    const failure = publicFailure(error);
    assert.equal(failure.code, 'internal');
    assert.ok(!JSON.stringify(failure).includes('secret'));
  }
});

test('an unknown approval is answered with where the others are listed, whatever the service behind says', () => {
  const failure = publicFailure(new ServiceError('approval_unknown', 'no such id', { hint: 'look elsewhere' }));
  assert.match(failure.hint, /!pending.*\/api\/v1\/approvals\?status=pending/);
});
