import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import type { AuditEntry } from '@megabot/contracts/audit.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { canonicalHash, signedBytes } from '@megabot/contracts/canonical.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Permit } from '@megabot/contracts/queues.ts';
import { signingContexts } from '@megabot/contracts/ticket.ts';
import { verifyText } from '@megabot/crypto/ed25519.ts';
import { owner, startInterlock } from './testing/harness.ts';
import { contradictions } from './testing/history.ts';

type Running = Awaited<ReturnType<typeof startInterlock>>;

const histories = process.env['MEGABOT_TEST_COUNTS'] === 'full' ? 100 : 25;
const permitMs = 10_000;

/** One thing that somebody does. Numbers choose among what is there by then. */
type Step =
  | { readonly do: 'submit'; readonly conversation: number; readonly command: 'ls' | 'make' | 'rm -rf x' }
  | { readonly do: 'decide'; readonly which: number; readonly decision: 'approve' | 'reject' }
  | { readonly do: 'claim'; readonly which: number; readonly how: 'well' | 'other bytes' | 'other run' | 'old bytes' }
  | { readonly do: 'report'; readonly which: number; readonly changes: boolean }
  | { readonly do: 'beat' }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'sweep' | 'lockdown' | 'unlock' | 'restart' }
  | { readonly do: 'cancel'; readonly which: number }
  | { readonly do: 'rule'; readonly op: 'add' | 'remove'; readonly list: 'allow' | 'deny' };

/** Mostly the newest, where things happen. */
const which = fc.oneof({ weight: 3, arbitrary: fc.nat(1) }, { weight: 2, arbitrary: fc.nat(30) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('submit'), conversation: fc.nat(3), command: fc.constantFrom('ls', 'ls', 'ls', 'make', 'make', 'rm -rf x') }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('decide'), which, decision: fc.constantFrom('approve', 'approve', 'reject') }) },
  { weight: 14, arbitrary: fc.record({ do: fc.constant('claim'), which, how: fc.constantFrom('well', 'well', 'well', 'well', 'other bytes', 'other run', 'old bytes') }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('report'), which, changes: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('beat') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.constantFrom(1, 1_000, 5_000, permitMs - 1, permitMs, 15_000, 900_000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('sweep', 'sweep', 'sweep', 'sweep', 'lockdown', 'unlock', 'unlock', 'unlock') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel'), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rule'), op: fc.constantFrom('add', 'remove'), list: fc.constantFrom('allow', 'deny') }) },
);

/** Of every replica at once, after which there is one. */
const withRestarts = fc.oneof({ weight: 40, arbitrary: step }, { weight: 1, arbitrary: fc.constant<Step>({ do: 'restart' }) });

/** What executors and persons know from outside: what they were given, and what they were answered. */
class World {
  readonly prefix = newId();
  readonly turns: string[] = [];
  readonly approvals: string[] = [];
  readonly permits: Permit[] = [];
  /** Permits whose claim was granted, with the time of it. */
  readonly granted = new Map<string, Permit>();
  readonly starts = new Map<string, number>();
  /** What the workspaces really hold. */
  readonly revisions = new Map<string, string>();
  readonly it: Running;
  /** Nothing else happens at the same moment, so that what was true before a step is true in it. */
  readonly alone: boolean;
  #claims = 0;
  constructor(it: Running, alone: boolean) {
    this.it = it;
    this.alone = alone;
  }

  /** Takes the permits of this history from the queue; runs of earlier ones may still get theirs. */
  async take(): Promise<void> {
    // A queued permit comes to its worker a few turns of the event loop after the commit.
    for (let turn = 0; turn < 8; turn++) await setImmediate();
    while (this.it.permitsWaiting() > 0) {
      const permit = await this.it.permit();
      if (permit.plan.conversation.startsWith(this.prefix)) this.permits.push(permit);
    }
  }

  async run(one: Step): Promise<void> {
    const { it } = this;
    switch (one.do) {
      case 'submit':
        return await this.#submit(`${this.prefix}-${one.conversation}`, one.command);
      case 'decide': {
        const approvalId = pick(this.approvals, one.which);
        if (approvalId !== undefined) await refusable(it.decide(approvalId, one.decision), ['approval_decided', 'approval_expired', 'approval_changed', 'lockdown']);
        return;
      }
      case 'claim':
        return await this.#claim(pick(this.permits, one.which), one.how);
      case 'report': {
        const permit = pick([...this.granted.values()], one.which);
        if (permit === undefined) return;
        const workspaceRevision = one.changes ? canonicalHash(newId()) : this.#revision(permit);
        // What an executor left behind is there, whether the interlock still wants to hear of it or not.
        const before = this.revisions.get(permit.plan.conversation);
        this.revisions.set(permit.plan.conversation, workspaceRevision);
        const reply = await refusable(it.report(permit, { workspaceRevision }), ['run_ended']);
        if (reply?.recorded === false && before !== undefined) this.revisions.set(permit.plan.conversation, before);
        return;
      }
      case 'beat':
        return void (await it.beat([...this.granted.values()].map((permit) => permit.claims.runId)));
      case 'wait':
        return it.advance(one.ms);
      case 'sweep':
        return void (await it.sweep());
      case 'restart':
        return await it.restart();
      case 'lockdown':
        return void (await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'deny', pattern: '*' } }));
      case 'unlock':
        return void (await it.call(it.gateway, interlock.unlock, { actor: owner }));
      case 'cancel': {
        const turnId = pick(this.turns, one.which);
        if (turnId !== undefined) await it.call(it.gateway, interlock.cancelTurn, { turnId, actor: owner });
        return;
      }
      case 'rule':
        return void (await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: one.op, list: one.list, pattern: one.list === 'allow' ? 'ls' : 'make' } }));
    }
  }

  async #submit(conversation: string, command: string): Promise<void> {
    const turnId = newId();
    this.turns.push(turnId);
    const outcome = await this.it.submit(command, { conversation, turnId });
    if (command.startsWith('rm')) assert.equal(outcome.decision, 'deny');
    if (outcome.decision === 'ask') this.approvals.push(outcome.approvalId);
  }

  #revision(permit: Permit): string {
    return this.revisions.get(permit.plan.conversation) ?? permit.plan.workspaceRevision;
  }

  async #claim(permit: Permit | undefined, how: 'well' | 'other bytes' | 'other run' | 'old bytes'): Promise<void> {
    if (permit === undefined) return;
    const { it } = this;
    // Two runs may well have the same bytes: then there is nothing that could be confused.
    const other = this.permits.find((one) => one.claims.runId !== permit.claims.runId && one.claims.planHash !== permit.claims.planHash);
    const bent = { well: {}, 'other bytes': { planHash: canonicalHash(newId()) }, 'other run': { runId: other?.claims.runId ?? newId() }, 'old bytes': { planHash: other?.claims.planHash ?? canonicalHash('') } }[how];
    const nonce = `nonce-of-the-claim-${(this.#claims += 1)}`;
    const state = { now: it.now(), lockdown: (await it.policy()).lockdown };
    const answer = await refusable(it.claim(permit, { nonce, workspaceRevision: this.#revision(permit), ...bent }), [
      'permit_unknown', 'permit_claimed', 'permit_expired', 'permit_void', 'plan_mismatch', 'revision_mismatch', 'lockdown',
    ]);
    if (!answer) return;
    assert.equal(how, 'well', `granted for ${how}`);
    if (this.alone) {
      assert.ok(state.now < permit.claims.expiresAt, 'granted after its expiry');
      assert.equal(state.lockdown, false, 'granted during a lockdown');
    }
    assert.equal(this.granted.has(permit.claims.permitId), false, 'granted twice');
    assert.equal(canonicalHash(permit.plan), permit.claims.planHash, 'the permit is for another plan than it came with');
    assert.deepEqual([answer.grant.planHash, answer.grant.nonce], [permit.claims.planHash, nonce]);
    assert.ok(verifyText(it.permitPublicKey, signedBytes(signingContexts.claim, answer.grant), answer.grantSignature));
    this.granted.set(permit.claims.permitId, permit);
    const starts = (this.starts.get(permit.claims.runId) ?? 0) + 1;
    this.starts.set(permit.claims.runId, starts);
    assert.equal(starts, 1, 'a run was executed twice');
  }
}

const pick = <T>(items: readonly T[], index: number): T | undefined => (items.length === 0 ? undefined : items[items.length - 1 - (index % items.length)]);

/** A refusal with one of these codes is an answer like any other; anything else is a defect. */
async function refusable<T>(work: Promise<T>, codes: readonly string[]): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const { code } = error as { code?: string };
    assert.ok(code !== undefined && codes.includes(code), String(error));
    return undefined;
  }
}

async function entriesSince(it: Running, first: number): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let after = first; ; ) {
    const page = await it.call(it.gateway, interlock.auditList, { after, limit: 500 });
    entries.push(...page.entries);
    if (!page.hasMore) return entries;
    after = page.entries.at(-1)?.seq ?? after;
  }
}

/** What must hold after every history, whatever happened in it. */
async function assertHistory(world: World, first: number): Promise<void> {
  const { it } = world;
  const entries = await entriesSince(it, first);
  assert.deepEqual(contradictions(entries, { permitMs }), []);
  const recorded = entries.filter((entry) => entry.event === 'claimed').map((entry) => [entry.subject['permitId'], entry.digest]);
  const known = [...world.granted.values()].map(({ claims }) => [claims.permitId, claims.planHash]);
  assert.deepEqual(new Set(recorded.map(String)), new Set(known.map(String)), 'every claim has its entry, and every entry its claim');
  const verified = await it.call(it.gateway, interlock.auditVerify, {});
  assert.deepEqual([verified.ok, verified.firstBreak], [true, null]);
}

describe('permits, whatever happens in whatever order', () => {
  let it: Running;
  let used = 0;
  const start = async (): Promise<void> => {
    it = await startInterlock({ policy: { allow: ['ls'], deny: ['rm -rf'] }, limits: { permitMs, auditSignEvery: 10 } });
    await it.addReplica();
  };
  before(start);
  after(async () => await it?.[Symbol.asyncDispose]());

  /** A fresh world in a policy that is as at the beginning; now and then in a fresh interlock, since a log only grows. */
  async function begin(alone: boolean): Promise<{ world: World; first: number }> {
    if ((used += 1) % 40 === 0) {
      await it[Symbol.asyncDispose]();
      await start();
    }
    while (it.permitsWaiting() > 0) await it.permit();
    const view = await it.policy();
    if (view.lockdown) await it.call(it.gateway, interlock.unlock, { actor: owner });
    await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'replace', policy: { allow: ['ls'], deny: ['rm -rf'] } } });
    const [last] = (await it.call(it.gateway, interlock.auditList, { limit: 1 })).entries;
    return { world: new World(it, alone), first: last?.seq ?? 0 };
  }

  test('one after the other', { timeout: 900_000 }, async () => {
    let granted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(withRestarts, { minLength: 1, maxLength: 40, size: 'max' }), async (steps) => {
        const { world, first } = await begin(true);
        for (const one of steps) {
          await world.run(one);
          await world.take();
        }
        granted += world.granted.size;
        await assertHistory(world, first);
      }),
      { numRuns: histories },
    );
    assert.ok(granted >= histories / 8, `only ${granted} claims were granted: the histories do not reach what they are about`);
  });

  test('several at the same moment, at two replicas', { timeout: 900_000 }, async () => {
    let granted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 5, size: 'max' }), { minLength: 1, maxLength: 12, size: 'max' }), async (rounds) => {
        const { world, first } = await begin(false);
        for (const round of rounds) {
          await Promise.all(round.map(async (one) => await world.run(one)));
          await world.take();
        }
        granted += world.granted.size;
        await assertHistory(world, first);
      }),
      { numRuns: histories },
    );
    assert.ok(granted >= histories / 8, `only ${granted} claims were granted`);
  });
});
