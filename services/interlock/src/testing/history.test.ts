import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditEntry } from '@megabot/contracts/audit.ts';
import { contradictions } from './history.ts';

type Brief = readonly [event: string, subject?: Record<string, string>, more?: Partial<AuditEntry>];

const entriesOf = (briefs: readonly Brief[]): AuditEntry[] =>
  briefs.map(([event, subject = {}, more = {}], index) => ({
    seq: index + 1, at: 0, event, principal: null, channel: null, conversation: 'c', verdict: null, rule: null, subject, text: null, textHash: null, previousHash: '', hash: '', digest: 'd', ...more,
  }));

const issue = (permitId: string, runId = 'r'): Brief => ['permit_issued', { runId, permitId }];
const allow = (runId = 'r', turn = 't'): Brief => ['judged', { runId, key: `${turn}:0:0` }, { verdict: 'allow' }];
const claim = (permitId: string, runId = 'r', more: Partial<AuditEntry> = {}): Brief => ['claimed', { runId, permitId }, more];
const well: Brief[] = [issue('p'), allow(), claim('p'), ['run_ended', { runId: 'r' }]];

describe('the oracle over the log', () => {
  test('finds nothing where everything is well', () => assert.deepEqual(contradictions(entriesOf(well), { permitMs: 10 }), []));

  const wrong: readonly (readonly [string, readonly Brief[]])[] = [
    ['claimed twice', [issue('p'), allow(), claim('p'), claim('p')]],
    ['started twice', [issue('p'), allow(), claim('p'), issue('q'), claim('q')]],
    ['after its expiry', [issue('p'), allow(), claim('p', 'r', { at: 10 })]],
    ['for other bytes', [issue('p'), allow(), claim('p', 'r', { digest: 'e' })]],
    ['during a lockdown', [issue('p'), allow(), ['lockdown'], claim('p')]],
    ['after it was void', [issue('p'), allow(), ['lockdown'], ['unlocked'], claim('p')]],
    ['after it was void', [issue('p'), allow(), issue('q'), claim('p')]],
    ['never issued', [allow(), claim('p')]],
    ['never issued for this run', [issue('p'), allow(), claim('p', 'other')]],
    ['had ended', [issue('p'), allow(), ['run_ended', { runId: 'r' }], claim('p')]],
    ['nobody and no rule', [issue('p'), claim('p')]],
    ['turn was cancelled', [issue('p'), allow(), ['turn_cancelled', { turnId: 't' }], claim('p')]],
    ['two runs of one conversation', [issue('p'), allow(), issue('q', 's'), allow('s'), claim('p'), claim('q', 's')]],
    ['ended twice', [...well, ['run_ended', { runId: 'r' }]]],
    ['already', [['decided', { approvalId: 'a' }, { verdict: 'rejected' }], ['decided', { approvalId: 'a' }, { verdict: 'approved' }]]],
    ['already', [['approval_expired', { approvalId: 'a' }], ['decided', { approvalId: 'a' }, { verdict: 'approved' }]]],
    ['issued during a lockdown', [['lockdown'], issue('p')]],
  ];
  for (const [problem, briefs] of wrong) {
    test(`finds: ${problem}`, () => {
      const found = contradictions(entriesOf(briefs), { permitMs: 10 });
      assert.ok(found.some((one) => one.includes(problem)), JSON.stringify(found));
    });
  }
});
