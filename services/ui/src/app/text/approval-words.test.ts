import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { approvalWords, decidedWords, riskWords } from './approval-words.ts';

const at = new Date(2026, 10, 22, 14, 5).getTime();

describe('an approval in words', () => {
  it('says what would happen, and counts a script’s lines', () => {
    assert.equal(approvalWords({ kind: 'shell', command: 'ls\n', status: 'pending' }), 'MegaBot asks to run this command in the sandbox.');
    assert.equal(approvalWords({ kind: 'shell', command: 'ls\nrm x', status: 'approved' }), 'MegaBot asked to run this script of 2 lines in the sandbox.');
    assert.equal(approvalWords({ kind: 'file_write', command: 'a.txt', status: 'pending' }), 'MegaBot asks to write these files in the workspace.');
  });
  it('says who decided, when and why', () => {
    assert.equal(decidedWords({ status: 'approved', decidedBy: 'owner', decidedAt: at }, at), '✓ Approved by owner, 14:05');
    assert.equal(decidedWords({ status: 'rejected', decidedBy: 'device:phone', decidedAt: at, reason: 'not now' }, at), '✕ Rejected by device:phone, 14:05: not now');
    assert.match(decidedWords({ status: 'expired' }, at), /^Expired/);
  });
  it('gives every risk its own icon and word', () => {
    const words = (['low', 'medium', 'high'] as const).map(riskWords);
    assert.equal(new Set(words.map((one) => one.icon)).size, 3);
    assert.equal(new Set(words.map((one) => one.text)).size, 3);
  });
});
