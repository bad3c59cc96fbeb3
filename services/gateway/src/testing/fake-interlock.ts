import { handle } from '@megabot/bus/port.ts';
import type { Approval } from '@megabot/contracts/approval.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { events } from '@megabot/contracts/events.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { JudgedPart } from '@megabot/contracts/policy.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import type { Fakes } from './fake-services.ts';

export const failIf = (fakes: Fakes, name: string): void => {
  const failure = fakes.failing.get(name);
  if (failure) throw failure;
};

/** The interlock's side of every call of the gateway; who may what is as in the real one, coarsely. */
export async function serveInterlock(fakes: Fakes): Promise<void> {
  const { sessions } = fakes;
  const usedCodes = new Set<string>();
  const find = (prefix: string): Approval => {
    const found = [...fakes.approvals.values()].filter((approval) => approval.id.startsWith(prefix));
    if (found.length > 1) throw new ServiceError('approval_ambiguous', 'the prefix fits several approvals', { details: { candidates: found.map((approval) => approval.shortId) } });
    const [only] = found;
    if (!only) throw new ServiceError('approval_unknown', 'there is no such approval');
    return only;
  };
  /** Refuses as the real one does: by principal, trust and channel together. */
  const require = (actor: Actor, act: 'decide' | 'edit' | 'allow_everything' | 'unlock'): void => {
    const role = roleOf(actor);
    if (role === 'owner' || (role === 'device' && (act === 'decide' || act === 'edit'))) return;
    if (role === 'messenger' && act === 'decide' && fakes.messengerAdmins.has(actor.principal)) return;
    fakes.refusals.push({ principal: actor.principal, act });
    throw new ServiceError('not_entitled', 'You may not do that.', { hint: 'The owner decides in the web UI.', details: { why: role === 'messenger' ? 'not_an_admin' : act } });
  };
  const asJudged = (command: string): JudgedPart => ({ words: command.split(' '), start: 0, end: command.length, verdict: 'ask', rule: null, reason: 'no rule covers it' });
  await fakes.interlockBus.serve([
    handle(interlock.submit, async (request) => {
      failIf(fakes, 'submit');
      fakes.submitted.push(request);
      return fakes.submitOutcome;
    }),
    handle(interlock.decide, async (request) => {
      failIf(fakes, 'decide');
      require(request.actor, 'decide');
      const approval = find(request.approvalId);
      if (roleOf(request.actor) === 'messenger') {
        if (approval.conversation !== request.actor.conversation) throw new ServiceError('approval_unknown', 'there is no such approval');
        if (approval.risk === 'high') throw new ServiceError('not_entitled', 'Its risk is high.', { hint: 'Decide it in the web UI.', details: { why: 'risk' } });
        if (request.code !== '123456') throw new ServiceError('not_entitled', 'The code is not right.', { hint: 'Take the one that your app shows now.', details: { why: 'code_wrong' } });
      }
      if (approval.status === 'expired') throw new ServiceError('approval_expired', 'the approval has expired');
      if (approval.status !== 'pending') throw new ServiceError('approval_decided', 'the approval was already decided');
      fakes.decisions.push(request);
      const approved = request.decision === 'approve' && !fakes.deniedByNow.has(approval.id);
      const decided: Approval = { ...approval, status: approved ? 'approved' : 'rejected', decidedBy: request.actor.principal };
      fakes.approvals.set(decided.id, decided);
      await fakes.interlockBus.publish(events.decided, { conversation: 'default', approvalId: decided.id, turnId: decided.turnId, status: decided.status, by: request.actor.principal });
      return { approval: decided, runId: approved ? 'run1' : null };
    }),
    handle(interlock.approvalEdit, async (request) => {
      require(request.actor, 'edit');
      const old = find(request.approvalId);
      if (old.status !== 'pending') throw new ServiceError('approval_decided', 'the approval was already decided');
      fakes.approvalEdits.push(request);
      fakes.approvals.set(old.id, { ...old, status: 'cancelled' });
      const id = newId();
      const approval: Approval = { ...old, id, shortId: id.slice(0, 6), command: request.command, editedFrom: old.id };
      fakes.approvals.set(id, approval);
      return { outcome: { decision: 'ask' as const, approvalId: id, shortId: approval.shortId, expiresAt: approval.expiresAt, reasons: approval.reasons }, approval };
    }),
    handle(interlock.decideBatch, async (request) => {
      require(request.actor, 'decide');
      const approvals = request.approvalIds.map(find);
      const risky = approvals.filter((approval) => approval.risk !== 'low');
      if (request.decision === 'approve' && risky.length > 0) throw new ServiceError('bad_request', 'None was decided: their risk is not low.', { hint: 'Decide these one by one.', details: { approvals: risky.map((approval) => approval.shortId) } });
      fakes.batches.push(request);
      const decided = approvals.map((approval): Approval => ({ ...approval, status: request.decision === 'approve' ? 'approved' : 'rejected', decidedBy: request.actor.principal }));
      for (const approval of decided) fakes.approvals.set(approval.id, approval);
      return { decided: decided.map((approval) => ({ approval, runId: request.decision === 'approve' ? newId() : null })) };
    }),
    handle(interlock.why, async ({ id }) => {
      const approval = [...fakes.approvals.values()].find((one) => one.id.startsWith(id));
      if (!approval) throw new ServiceError('not_found', 'nothing has this id');
      return { kind: approval.kind, text: approval.command, decision: 'ask' as const, rule: null, reasons: approval.reasons, parts: [asJudged(approval.command)], policyVersion: 'v1', approval, run: null };
    }),
    handle(interlock.approvalsList, async ({ status, conversation }) => ({
      approvals: [...fakes.approvals.values()].filter((approval) => (status === undefined || approval.status === status) && (conversation === undefined || approval.conversation === conversation)),
    })),
    handle(interlock.approvalsGet, async ({ approvalId }) => find(approvalId)),
    handle(interlock.runOutput, async ({ runId }) => {
      const run = fakes.runs.get(runId);
      if (!run) throw new ServiceError('not_found', 'no such run');
      return { output: run.output, binary: fakes.binaries.get(runId) ?? null };
    }),
    handle(interlock.runGet, async ({ runId }) => {
      const run = fakes.runs.get(runId);
      if (!run) throw new ServiceError('not_found', 'there is no such run');
      return run;
    }),
    handle(interlock.cancelTurn, async () => ({ approvals: 0, runs: 0 })),
    handle(interlock.policyGet, async () => fakes.policy),
    handle(interlock.policyEdit, async (request) => {
      failIf(fakes, 'policyEdit');
      const { edit } = request;
      require(request.actor, edit.op === 'add' && edit.list === 'allow' && edit.pattern === '*' ? 'allow_everything' : 'edit');
      fakes.edits.push(request);
      if (edit.op === 'replace') {
        if (edit.ifVersion !== undefined && edit.ifVersion !== fakes.policy.version) throw new ServiceError('policy_conflict', 'the policy has changed');
        fakes.policy = { ...fakes.policy, ...edit.policy, version: `${fakes.policy.version}+` };
        return { policy: fakes.policy, changed: true };
      }
      const without = fakes.policy[edit.list].filter((pattern) => pattern !== edit.pattern);
      const changed = (edit.op === 'add') === (without.length === fakes.policy[edit.list].length);
      if (changed) fakes.policy = { ...fakes.policy, [edit.list]: edit.op === 'add' ? [...without, edit.pattern] : without, version: `${fakes.policy.version}+` };
      return { policy: fakes.policy, changed };
    }),
    handle(interlock.policyTest, async (request) => {
      fakes.tested.push(request);
      return { decision: 'ask' as const, rule: null, reasons: ['no rule'], commands: [request.command.split(' ')], parts: [asJudged(request.command)], warnings: ['It only looks harmless.'] };
    }),
    handle(interlock.policyHistory, async ({ limit }) => ({ versions: fakes.versions.slice(0, limit) })),
    handle(interlock.policyUndo, async (request) => {
      failIf(fakes, 'policyUndo');
      require(request.actor, 'edit');
      const before = fakes.undone.find((one) => one.request !== undefined && one.request === request.request);
      const restored = fakes.versions.find(({ id }) => request.to === undefined || id === request.to);
      if (!restored) throw new ServiceError('not_found', 'There is no such earlier version of the policy.');
      if (!before) fakes.undone.push(request);
      return { policy: fakes.policy, restored, repeated: before !== undefined };
    }),
    handle(interlock.policyPreview, async ({ pattern }) => {
      failIf(fakes, 'policyPreview');
      return { looked: fakes.recent.length, matches: fakes.recent.filter((command) => command.startsWith(pattern)).map((command) => ({ command, times: 1 })) };
    }),
    handle(interlock.grantRevoke, async (request) => {
      require(request.actor, 'edit');
      fakes.revoked.push(request);
      fakes.policy = { ...fakes.policy, grants: fakes.policy.grants?.filter((grant) => grant.id !== request.id) ?? [] };
      return fakes.policy;
    }),
    handle(interlock.unlock, async ({ actor }) => {
      require(actor, 'unlock');
      return fakes.policy;
    }),
    handle(interlock.auditList, async () => ({ entries: [], hasMore: false })),
    handle(interlock.auditVerify, async () => ({ ok: true, entries: 0, firstBreak: null })),
    handle(interlock.auditExport, async ({ after, through = fakes.audit.length, limit }) => {
      const entries = fakes.audit.filter((entry) => entry.seq > after && entry.seq <= through).slice(0, limit);
      return { entries, heads: [], through, hasMore: entries.length > 0 && (entries.at(-1)?.seq ?? 0) < through };
    }),
    handle(interlock.auditForget, async ({ what }) => {
      const gone = fakes.audit.filter((entry) => 'conversation' in what && entry.conversation === what.conversation);
      for (const entry of gone) Object.assign(entry, { text: null, salt: null });
      return { texts: gone.length };
    }),
    handle(interlock.sessionCreate, async ({ secretHash, principal, codeId, expiresAt }) => {
      if (codeId !== undefined && usedCodes.has(codeId)) throw new ServiceError('code_used', 'the code was already used');
      if (codeId !== undefined) usedCodes.add(codeId);
      const sessionId = newId();
      sessions.set(secretHash, { sessionId, principal, expiresAt });
      return { sessionId };
    }),
    handle(interlock.sessionCheck, async ({ secretHash }) => {
      const session = sessions.get(secretHash);
      if (!session) throw new ServiceError('session_invalid', 'there is no such session');
      return session;
    }),
    handle(interlock.sessionEnd, async ({ secretHash }) => {
      sessions.delete(secretHash);
      return {};
    }),
    handle(interlock.ping, async () => ({ ok: true, detail: 'ready' })),
  ]);
}

function roleOf({ principal, trust, channel }: Actor): 'owner' | 'device' | 'messenger' | 'nobody' {
  if (principal === 'owner') return trust === 'owner' && channel !== 'bridge' ? 'owner' : 'nobody';
  if (principal.startsWith('device:')) return trust === 'paired' && channel !== 'bridge' ? 'device' : 'nobody';
  return principal.startsWith('bridge:') && trust === 'untrusted' && channel === 'bridge' ? 'messenger' : 'nobody';
}
