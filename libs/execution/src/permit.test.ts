import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Permit } from '@megabot/contracts/queues.ts';
import { isGrantFor, refusePermit, type Executing } from './permit.ts';
import { createSigner } from './testing/fake-interlock.ts';

const interlock = createSigner();
const stranger = createSigner();
const now = 1_700_000_000_000;
const good = interlock.permit({ now });
const sandbox: Executing = { service: 'sandbox', kinds: ['shell', 'file_write'], permitPublicKey: interlock.publicKey };

suite('a permit', () => {
  test('of the interlock, for this plan and still valid, is not refused', () => {
    assert.equal(refusePermit(good, sandbox, now), null);
  });

  const cases: { is: string; permit: Permit; at?: number; executing?: Executing; refusal: ReturnType<typeof refusePermit> }[] = [
    { is: 'signed by another key', permit: stranger.permit({ now }), refusal: 'forged' },
    { is: 'with claims changed after signing', permit: { ...good, claims: { ...good.claims, runId: 'another' } }, refusal: 'forged' },
    { is: 'with its expiry moved', permit: { ...good, claims: { ...good.claims, expiresAt: now + 3_600_000 } }, refusal: 'forged' },
    { is: 'with no signature', permit: { ...good, signature: '' }, refusal: 'forged' },
    { is: 'that carries a claim grant\'s signature', permit: { ...good, signature: interlock.grant({ permitId: 'p', runId: 'r', nonce: 'n', planHash: 'h', epoch: 1 }).grantSignature }, refusal: 'forged' },
    { is: 'for another executor', permit: interlock.permit({ now, claims: { executor: 'gateway' } }), refusal: 'other_executor' },
    { is: 'of a kind that this executor does not execute', permit: good, executing: { ...sandbox, kinds: ['file_write'] }, refusal: 'other_kind' },
    { is: 'at its last millisecond', permit: good, at: good.claims.expiresAt - 1, refusal: null },
    { is: 'at its expiry', permit: good, at: good.claims.expiresAt, refusal: 'expired' },
    { is: 'with other arguments', permit: { ...good, plan: { ...good.plan, argv: ['bash', '-c', 'rm -rf .'] } }, refusal: 'other_plan' },
    { is: 'with another environment', permit: { ...good, plan: { ...good.plan, env: { PATH: '/tmp' } } }, refusal: 'other_plan' },
    { is: 'with a longer limit', permit: { ...good, plan: { ...good.plan, limits: { ...good.plan.limits, wallMs: 9_999_999 } } }, refusal: 'other_plan' },
    { is: 'for another workspace revision', permit: { ...good, plan: { ...good.plan, workspaceRevision: 'other' } }, refusal: 'other_plan' },
    { is: 'whose plan has its keys in another order', permit: { ...good, plan: Object.fromEntries(Object.entries(good.plan).toReversed()) as Permit['plan'] }, refusal: null },
  ];
  for (const { is, permit, at, executing, refusal } of cases) {
    test(`${is} is ${refusal === null ? 'good' : `refused as ${refusal}`}`, () => {
      assert.equal(refusePermit(permit, executing ?? sandbox, at ?? now), refusal);
    });
  }
});

suite('the answer to a claim', () => {
  const nonce = 'a-nonce-of-this-claim';
  const grant = { permitId: good.claims.permitId, runId: good.claims.runId, planHash: good.claims.planHash, nonce, epoch: 1 };
  const accepts = (changed: Partial<typeof grant>, signer = interlock): boolean => {
    const answer = signer.grant({ ...grant, ...changed });
    return isGrantFor(answer.grant, answer.grantSignature, good.claims, nonce, interlock.publicKey);
  };

  test('is taken when the interlock signed exactly this claim', () => assert.equal(accepts({}), true));
  test('signed by another key is not', () => assert.equal(accepts({}, stranger), false));
  for (const [field, value] of Object.entries({ permitId: 'other', runId: 'other', planHash: 'f'.repeat(64), nonce: 'the-nonce-of-an-earlier-claim' })) {
    test(`for another ${field} is not`, () => assert.equal(accepts({ [field]: value }), false));
  }
  test('changed after signing is not', () => {
    const answer = interlock.grant({ ...grant, nonce: 'earlier' });
    assert.equal(isGrantFor({ ...answer.grant, nonce }, answer.grantSignature, good.claims, nonce, interlock.publicKey), false);
  });
});
