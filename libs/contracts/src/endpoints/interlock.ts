import { z } from 'zod';
import { Action, ActionKey, ActionKind, executorNames } from '../action.ts';
import { Approval, ApprovalScope, ApprovalStatus, Decision, OneTimeCode } from '../approval.ts';
import { AuditEntry, AuditForgetting, AuditHead, AuditRecord, AuditVerification } from '../audit.ts';
import { defineEndpoint } from '../endpoint.ts';
import { Id, IdPrefix, Timestamp } from '../ids.ts';
import { JudgedPart, Judgement, Pattern, Policy, PolicyView, Verdict } from '../policy.ts';
import { Actor, Principal } from '../principal.ts';
import { Run, RunReport } from '../run.ts';
import { BridgeSettings, ModelSettings } from '../settings.ts';
import { ClaimGrant, OriginTicket } from '../ticket.ts';

const service = 'interlock';

/** What became of a proposed action. The same key returns the first outcome again, for ever. */
export const SubmitOutcome = z.discriminatedUnion('decision', [
  z.object({ decision: z.literal('deny'), rule: z.string().nullable(), reasons: z.array(z.string()) }),
  z.object({ decision: z.literal('allow'), runId: Id, warnings: z.array(z.string()) }),
  z.object({ decision: z.literal('ask'), approvalId: Id, shortId: z.string(), expiresAt: Timestamp, reasons: z.array(z.string()) }),
]);
export type SubmitOutcome = z.infer<typeof SubmitOutcome>;

/** Judges an action and records the verdict. `key` must begin with the ticket's turn id. */
export const submit = defineEndpoint({
  service, name: 'submit', callers: ['gateway', 'orchestrator'], errors: ['ticket_invalid', 'conflict', 'rate_limited', 'unavailable'],
  request: z.object({ action: Action, ticket: OriginTicket, key: ActionKey }),
  reply: SubmitOutcome,
});

/** Where an action stands now. `settled` means that nothing more will happen to it. */
export const ActionState = z.object({
  key: ActionKey,
  settled: z.boolean(),
  outcome: SubmitOutcome,
  approval: Approval.nullable(),
  run: Run.nullable(),
});
export type ActionState = z.infer<typeof ActionState>;
export const status = defineEndpoint({
  service, name: 'status', callers: ['gateway', 'orchestrator'], errors: ['not_found', 'unavailable'],
  request: z.object({ keys: z.array(ActionKey).min(1).max(64) }),
  reply: z.object({ actions: z.array(ActionState) }),
});

/**
 * A person's word on an approval. Expired, already decided, changed and unknown ids are four different errors; a prefix that
 * fits several pending approvals is `approval_ambiguous` with `details.candidates`.
 */
export const decide = defineEndpoint({
  service, name: 'decide', callers: ['gateway'],
  errors: ['approval_unknown', 'approval_ambiguous', 'approval_expired', 'approval_decided', 'approval_changed', 'lockdown', 'not_entitled', 'bad_request', 'unavailable'],
  request: z.object({ approvalId: IdPrefix, decision: Decision, scope: ApprovalScope.default('once'), reason: z.string().max(1_000).optional(), code: OneTimeCode.optional(), actor: Actor }),
  reply: z.object({ approval: Approval, runId: Id.nullable() }),
});

/**
 * Puts another command in the place of one that waits, and judges it as a new action under the same key. The old approval ends as
 * `cancelled`; the turn goes on waiting for whatever became of the new one.
 */
export const approvalEdit = defineEndpoint({
  service, name: 'approval-edit', callers: ['gateway'],
  errors: ['approval_unknown', 'approval_ambiguous', 'approval_expired', 'approval_decided', 'lockdown', 'not_entitled', 'bad_request', 'unavailable'],
  request: z.object({ approvalId: IdPrefix, command: z.string().min(1).max(65_536), actor: Actor }),
  reply: z.object({ outcome: SubmitOutcome, approval: Approval.nullable() }),
});

/**
 * One word on several approvals. Approving is for low risk only: if any of them is not low, expired or decided, none is approved.
 * `bad_request` names those that stand in the way in `details.approvals`.
 */
export const decideBatch = defineEndpoint({
  service, name: 'decide-batch', callers: ['gateway'],
  errors: ['approval_unknown', 'approval_ambiguous', 'approval_expired', 'approval_decided', 'approval_changed', 'lockdown', 'not_entitled', 'bad_request', 'unavailable'],
  request: z.object({ approvalIds: z.array(IdPrefix).min(1).max(50), decision: Decision, reason: z.string().max(1_000).optional(), actor: Actor }),
  reply: z.object({ decided: z.array(z.object({ approval: Approval, runId: Id.nullable() })) }),
});

/** Why an approval, a run or an action was judged as it was, from what was recorded at the time. */
export const why = defineEndpoint({
  service, name: 'why', callers: ['gateway'], errors: ['not_found', 'approval_ambiguous', 'unavailable'],
  request: z.object({ id: IdPrefix }),
  reply: z.object({ kind: ActionKind, text: z.string(), decision: Verdict, rule: z.string().nullable(), reasons: z.array(z.string()), parts: z.array(JudgedPart), policyVersion: z.string().nullable(), approval: Approval.nullable(), run: Run.nullable() }),
});

export const approvalsList = defineEndpoint({
  service, name: 'approvals-list', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({ status: ApprovalStatus.optional(), conversation: Id.optional(), limit: z.number().int().min(1).max(200).default(100) }),
  reply: z.object({ approvals: z.array(Approval) }),
});
export const approvalsGet = defineEndpoint({
  service, name: 'approvals-get', callers: ['gateway'], errors: ['approval_unknown', 'approval_ambiguous', 'unavailable'],
  request: z.object({ approvalId: IdPrefix }), reply: Approval,
});
export const runGet = defineEndpoint({
  service, name: 'run-get', callers: ['gateway'], errors: ['not_found', 'unavailable'],
  request: z.object({ runId: Id }), reply: Run,
});
/** All that a run printed: as text, and byte for byte in base64 where its standard output was none. */
export const runOutput = defineEndpoint({
  service, name: 'run-output', callers: ['gateway'], errors: ['not_found', 'unavailable'],
  request: z.object({ runId: Id }), reply: z.object({ output: z.string(), binary: z.base64().nullable() }),
});
/**
 * Cancels what a turn has pending or running: approvals become `cancelled`, runs are stopped. `conversation` is what the store says
 * the turn belongs to: somebody behind a bridge may stop turns of their own conversation alone, also one that proposed nothing yet.
 */
export const cancelTurn = defineEndpoint({
  service, name: 'cancel-turn', callers: ['gateway'], errors: ['not_entitled', 'unavailable'],
  request: z.object({ turnId: Id, actor: Actor, conversation: Id.optional() }), reply: z.object({ approvals: z.number().int(), runs: z.number().int() }),
});

export const policyGet = defineEndpoint({ service, name: 'policy-get', callers: ['gateway'], errors: ['unavailable'], request: z.object({}), reply: PolicyView });
/** Adds or removes one pattern in `meta-config.yaml`, or replaces both lists where `ifVersion` still holds. */
export const policyEdit = defineEndpoint({
  service, name: 'policy-edit', callers: ['gateway'], errors: ['policy_invalid', 'policy_conflict', 'not_entitled', 'unavailable'],
  request: z.object({
    actor: Actor,
    edit: z.discriminatedUnion('op', [
      z.object({ op: z.literal('add'), list: z.enum(['allow', 'deny']), pattern: Pattern }),
      z.object({ op: z.literal('remove'), list: z.enum(['allow', 'deny']), pattern: Pattern }),
      z.object({ op: z.literal('replace'), policy: Policy, ifVersion: z.string().optional() }),
    ]),
  }),
  reply: z.object({ policy: PolicyView, changed: z.boolean() }),
});
export const policyTest = defineEndpoint({
  service, name: 'policy-test', callers: ['gateway'], errors: ['policy_invalid', 'unavailable'],
  request: z.object({ command: z.string().max(1_048_576), policy: z.object({ allow: z.array(Pattern), deny: z.array(Pattern), matching: Policy.shape.matching.optional() }).optional() }),
  reply: Judgement,
});
/** Earlier versions of `meta-config.yaml`, newest first. */
export const PolicyVersion = z.object({ id: z.number().int().positive(), at: Timestamp, by: z.string(), summary: z.string(), version: z.string() });
export type PolicyVersion = z.infer<typeof PolicyVersion>;
export const policyHistory = defineEndpoint({
  service, name: 'policy-history', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({ limit: z.number().int().min(1).max(100).default(20) }), reply: z.object({ versions: z.array(PolicyVersion) }),
});
/**
 * Puts the version before the last change back in force, as a change of its own: doing it twice takes it back. Never lifts a
 * lockdown. The same `request` again changes nothing more: it gets what it put back the first time, with `repeated: true`.
 */
export const policyUndo = defineEndpoint({
  service, name: 'policy-undo', callers: ['gateway'], errors: ['not_found', 'policy_invalid', 'policy_conflict', 'not_entitled', 'unavailable'],
  request: z.object({ actor: Actor, to: z.number().int().positive().optional(), request: z.string().min(1).max(128).optional() }),
  reply: z.object({ policy: PolicyView, restored: PolicyVersion, repeated: z.boolean().default(false) }),
});
/** What a pattern would have covered of the commands asked for lately: what `!allow` shows before it is believed. */
export const policyPreview = defineEndpoint({
  service, name: 'policy-preview', callers: ['gateway'], errors: ['policy_invalid', 'unavailable'],
  request: z.object({ list: z.enum(['allow', 'deny']), pattern: Pattern }),
  reply: z.object({ looked: z.number().int(), matches: z.array(z.object({ command: z.string(), times: z.number().int() })) }),
});

/** Takes back what a person allowed for a conversation; `id` is that of the grant in `PolicyView.grants`, or the beginning of it. */
export const grantRevoke = defineEndpoint({
  service, name: 'grant-revoke', callers: ['gateway'], errors: ['not_found', 'approval_ambiguous', 'not_entitled', 'unavailable'],
  request: z.object({ id: IdPrefix, actor: Actor }), reply: PolicyView,
});

/** Whose one-time codes: an admin of a messenger, as `meta-config.yaml` lists them. */
const CodeHolder = z.object({ platform: z.string().min(1).max(64), sender: z.string().min(1).max(256) });
export const OneTimeCodes = CodeHolder.extend({ confirmed: z.boolean(), enrolledAt: Timestamp, lastUsedAt: Timestamp.nullable() });
export type OneTimeCodes = z.infer<typeof OneTimeCodes>;
/** Makes a secret (RFC 6238). The `otpauth://` address holds it and is given this once; it counts once a first code confirms it. */
export const totpEnroll = defineEndpoint({
  service, name: 'totp-enroll', callers: ['gateway'], errors: ['bad_request', 'not_entitled', 'unavailable'],
  request: CodeHolder.extend({ actor: Actor }), reply: z.object({ uri: z.string(), expiresAt: Timestamp }),
});
export const totpConfirm = defineEndpoint({
  service, name: 'totp-confirm', callers: ['gateway'], errors: ['not_found', 'not_entitled', 'unavailable'],
  request: CodeHolder.extend({ code: OneTimeCode, actor: Actor }), reply: OneTimeCodes,
});
export const totpStatus = defineEndpoint({
  service, name: 'totp-status', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({}), reply: z.object({ enrolled: z.array(OneTimeCodes) }),
});
export const totpRemove = defineEndpoint({
  service, name: 'totp-remove', callers: ['gateway'], errors: ['not_found', 'not_entitled', 'unavailable'],
  request: CodeHolder.extend({ actor: Actor }), reply: z.object({}),
});

/** Lifts a lockdown (removes `*` from the deny list); the gateway has made the owner enter the token again. */
export const unlock = defineEndpoint({
  service, name: 'unlock', callers: ['gateway'], errors: ['not_entitled', 'unavailable'],
  request: z.object({ actor: Actor }), reply: PolicyView,
});

export const auditList = defineEndpoint({
  service, name: 'audit-list', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({ after: z.number().int().nonnegative().optional(), before: z.number().int().positive().optional(), limit: z.number().int().min(1).max(500).default(100) }),
  reply: z.object({ entries: z.array(AuditEntry), hasMore: z.boolean() }),
});
export const auditVerify = defineEndpoint({
  service, name: 'audit-verify', callers: ['gateway'], errors: ['unavailable'], timeoutMs: 60_000,
  request: z.object({}), reply: AuditVerification,
});
/** A page of the whole log, with the signed heads among its entries. The first page (no `through`) signs the head, and `through` says how far an export goes. */
export const auditExport = defineEndpoint({
  service, name: 'audit-export', callers: ['gateway'], errors: ['unavailable'], timeoutMs: 20_000,
  request: z.object({ after: z.number().int().nonnegative().default(0), through: z.number().int().nonnegative().optional(), limit: z.number().int().min(1).max(500).default(200) }),
  reply: z.object({ entries: z.array(AuditRecord), heads: z.array(AuditHead), through: z.number().int().nonnegative(), hasMore: z.boolean() }),
});
/** Erases texts for good; that they were erased is itself recorded, and the chain still verifies. The owner alone may. */
export const auditForget = defineEndpoint({
  service, name: 'audit-forget', callers: ['gateway'], errors: ['not_entitled', 'unavailable'], timeoutMs: 20_000,
  request: z.object({ actor: Actor, what: AuditForgetting }), reply: z.object({ texts: z.number().int() }),
});

/** Serves a service its own validated section of `meta-config.yaml`. */
export const configGet = defineEndpoint({
  service, name: 'config-get', callers: ['gateway', 'orchestrator'], errors: ['unavailable'],
  request: z.object({}), reply: z.object({ version: z.string(), model: ModelSettings, bridges: BridgeSettings.optional(), warnings: z.array(z.string()) }),
});

/**
 * Right before start: policy, lockdown, expiry and workspace revision are checked again and the audit entry is written in the
 * same transaction. A permit can be claimed once. `grantSignature` is Ed25519 over the claim context and canonical grant.
 */
export const claim = defineEndpoint({
  service, name: 'claim', callers: executorNames,
  errors: ['permit_unknown', 'permit_claimed', 'permit_expired', 'permit_void', 'plan_mismatch', 'revision_mismatch', 'lockdown', 'unavailable'],
  request: z.object({ permitId: Id, runId: Id, planHash: z.string(), nonce: z.string().min(16).max(128), instance: z.string().min(1).max(128), workspaceRevision: z.string() }),
  reply: z.object({ grant: ClaimGrant, grantSignature: z.string() }),
});
/** The end of a claimed run. Idempotent: the first report stands. */
export const report = defineEndpoint({
  service, name: 'report', callers: executorNames, errors: ['permit_unknown', 'run_ended', 'unavailable'], timeoutMs: 10_000,
  request: z.object({ permitId: Id, runId: Id, instance: z.string(), report: RunReport }),
  reply: z.object({ recorded: z.boolean() }),
});
/** Each second from an executor: extends its runs' leases and answers what has to stop. */
export const heartbeat = defineEndpoint({
  service, name: 'heartbeat', callers: executorNames, errors: ['unavailable'], timeoutMs: 2_000,
  request: z.object({ instance: z.string(), running: z.array(Id).max(256) }),
  reply: z.object({ epoch: z.number().int(), lockdown: z.boolean(), stop: z.array(Id) }),
});

/** Opens a session; `codeId` is recorded so that a sign-in code works once. Only a hash of the session's secret is stored. */
export const sessionCreate = defineEndpoint({
  service, name: 'session-create', callers: ['gateway'], errors: ['code_used', 'unavailable'],
  request: z.object({ secretHash: z.string().length(64), principal: Principal, codeId: z.string().max(128).optional(), expiresAt: Timestamp }),
  reply: z.object({ sessionId: Id }),
});
export const sessionCheck = defineEndpoint({
  service, name: 'session-check', callers: ['gateway'], errors: ['session_invalid', 'unavailable'],
  request: z.object({ secretHash: z.string().length(64) }), reply: z.object({ sessionId: Id, principal: Principal, expiresAt: Timestamp }),
});
export const sessionEnd = defineEndpoint({
  service, name: 'session-end', callers: ['gateway'], errors: ['unavailable'],
  request: z.object({ secretHash: z.string().length(64) }), reply: z.object({}),
});

export const ping = defineEndpoint({ service, name: 'ping', callers: ['gateway'], errors: ['unavailable'], timeoutMs: 2_000, request: z.object({}), reply: z.object({ ok: z.boolean(), detail: z.string() }) });

