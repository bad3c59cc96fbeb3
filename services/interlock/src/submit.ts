import { createHash, randomBytes } from 'node:crypto';
import type { z } from 'zod';
import type { Action } from '@megabot/contracts/action.ts';
import { canonicalHash, canonicalJson, signedBytes } from '@megabot/contracts/canonical.ts';
import type { submit, SubmitOutcome } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { signingContexts, type OriginClaims } from '@megabot/contracts/ticket.ts';
import { verifyText } from '@megabot/crypto/ed25519.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { insertApproval } from './approvals.ts';
import { refuseAsking } from './asking.ts';
import { readInForce, versionOf, type InForce } from './configuration/state.ts';
import type { Context } from './context.ts';
import { recordJudgement } from './judged.ts';
import { judgeAction } from './judgement.ts';
import { gatherFacts } from './kinds/facts.ts';
import type { Facts } from './kinds/rules.ts';
import { rulesOf } from './kinds/table.ts';
import { displayOf, planOf, summaryOf } from './plan.ts';
import type { ShellJudgement } from './policy/decide.ts';
import { recordingRefusals } from './refusals.ts';
import { createRun, issuePermit } from './runs.ts';
import type { Tx } from './transaction.ts';
import { lockTurn, lockWorkspace } from './workspace.ts';

type Request = z.infer<(typeof submit)['request']>;

interface ActionRow extends Record<string, unknown> {
  salt: string;
  action_hash: string;
  outcome: SubmitOutcome;
}

/**
 * Judges a proposed action once; the same key gets the same outcome for ever. Verdict, audit entry, approval or run, permit and
 * events are one transaction.
 * @throws ServiceError `ticket_invalid`, `conflict` for another action under a known key, `unavailable`
 */
export async function submitAction(context: Context, request: Request): Promise<SubmitOutcome> {
  return await recordingRefusals(context, { event: 'submission_refused', conversation: request.ticket.claims.conversation, subject: { key: request.key, kind: request.action.kind }, text: summaryOf(request.action) }, async () => await submitOnce(context, request));
}

async function submitOnce(context: Context, request: Request): Promise<SubmitOutcome> {
  const claims = verifyTicket(context, request);
  const facts = await factsFor(context, claims, request);
  return await context.transact(async (tx) => {
    const state = await readInForce(tx);
    await lockTurn(tx, claims.turnId);
    const workspace = await lockWorkspace(tx, claims.conversation);
    // The lock makes submissions of one conversation, and so of one key, follow one another.
    const earlier = await findAction(tx, request.key);
    if (earlier) return sameOutcome(earlier, request.action);
    return await judgeNew(tx, context, state, workspace.revision, claims, request, facts);
  });
}

/**
 * What has to be looked up before the action can be shown. Not for one that has its outcome already, nor for one that the policy
 * denies: neither depends on whether somebody else answers. @throws ServiceError `unavailable`
 */
async function factsFor(context: Context, claims: OriginClaims, { action, key }: Request): Promise<Facts | null> {
  const { db } = context.store;
  if (action.kind === 'shell') return {};
  if (await findAction(db, key)) return null;
  if (judgeAction(action, await readInForce(db, '')).decision === 'deny') return null;
  return await gatherFacts(context, action, claims.conversation);
}

function verifyTicket(context: Context, { ticket, key }: Request): OriginClaims {
  const { claims, signature } = ticket;
  if (!verifyText(context.originPublicKey, signedBytes(signingContexts.origin, claims), signature)) {
    throw new ServiceError('ticket_invalid', 'The ticket of the turn is not signed by the gateway.');
  }
  if (!key.startsWith(`${claims.turnId}:`)) throw new ServiceError('ticket_invalid', 'The ticket belongs to another turn.');
  return claims;
}

export async function findAction(sql: Sql, key: string): Promise<ActionRow | undefined> {
  const [row] = await sql.query<ActionRow>('SELECT salt, action_hash, outcome FROM interlock.actions WHERE key = $1', [key]);
  return row;
}

// Salted: a short command could be guessed from a bare hash.
const saltedHash = (salt: string, action: Action): string => createHash('sha256').update(salt + canonicalJson(action)).digest('hex');

function sameOutcome(row: ActionRow, action: Action): SubmitOutcome {
  if (!isStorable(action) || saltedHash(row.salt, action) !== row.action_hash) {
    throw new ServiceError('conflict', 'Another action was submitted under this key.');
  }
  return row.outcome;
}

/** Canonical JSON refuses half characters; such an action is denied, and only its key is remembered. */
const isStorable = (action: Action): boolean => JSON.stringify(action).search(/\\ud[89a-f]/i) < 0;

async function judgeNew(tx: Tx, context: Context, state: InForce, revision: string, claims: OriginClaims, { action, key }: Request, facts: Facts | null): Promise<SubmitOutcome> {
  const ids = { conversation: claims.conversation, turnId: claims.turnId, key };
  const began = performance.now();
  const judgement = await judgeFully(tx, state, claims, action, facts);
  const micros = Math.round((performance.now() - began) * 1_000);
  const source = judgement.granted ? 'grant' : 'policy';
  const proposed = (script?: string) => {
    // The policy denied it a moment ago, and does not any more.
    if (facts === null) throw new ServiceError('unavailable', 'The policy changed while it was asked.', { hint: 'Try again in a moment.' });
    const { diff } = facts;
    const plan = planOf(action, claims.conversation, revision, state.settings.sandbox, script === undefined ? facts : { ...facts, script });
    return { text: displayOf(action, facts), plan, ...(diff === undefined ? {} : { diff }) };
  };
  let outcome: SubmitOutcome;
  switch (judgement.decision) {
    case 'deny':
      outcome = { decision: 'deny', rule: judgement.rule, reasons: judgement.reasons };
      break;
    case 'allow': {
      const runId = newId();
      const { text, plan } = proposed(source === 'policy' ? judgement.canonicalScript : undefined);
      await createRun(tx, context, { ...ids, id: runId, source, command: text, plan });
      outcome = { decision: 'allow', runId, warnings: judgement.warnings };
      break;
    }
    case 'ask': {
      const approval = await insertApproval(tx, { ...ids, action, ...proposed(), reasons: judgement.reasons, parts: judgement.parts ?? [], warnings: [...judgement.warnings, ...(rulesOf(action).warnings?.(action, state.settings, facts ?? {}) ?? [])], requestedBy: claims.principal, expiresAt: tx.now + state.settings.approvals.expire_minutes * 60_000 });
      await context.events.approvalShown(tx, approval);
      outcome = { decision: 'ask', approvalId: approval.id, shortId: approval.shortId, expiresAt: approval.expiresAt, reasons: approval.reasons };
      break;
    }
  }
  const salt = randomBytes(16).toString('hex');
  await tx.query(
    `INSERT INTO interlock.actions (key, turn_id, conversation, principal, kind, salt, action_hash, outcome, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)`,
    [key, claims.turnId, claims.conversation, claims.principal, action.kind, salt, isStorable(action) ? saltedHash(salt, action) : '', JSON.stringify(outcome), tx.now],
  );
  await recordJudgement(tx, key, judgement, versionOf(state));
  if (outcome.decision === 'allow') await issuePermit(tx, context, { conversation: claims.conversation, epoch: state.epoch, revision });
  const subject = {
    key, turnId: claims.turnId, kind: action.kind, policy: versionOf(state), micros: String(micros),
    ...(outcome.decision === 'allow' ? { runId: outcome.runId, source } : {}), ...(outcome.decision === 'ask' ? { approvalId: outcome.approvalId } : {}),
  };
  // Reasons quote the command, so they stand where it can be erased.
  const because = judgement.rule === null && judgement.reasons.length > 0 ? `\nBecause: ${judgement.reasons.join(' ')}` : '';
  tx.record({
    event: 'judged', principal: claims.principal, conversation: claims.conversation, verdict: outcome.decision, rule: judgement.rule, subject,
    text: summaryOf(action) + because, digest: isStorable(action) ? canonicalHash(action) : null,
  });
  context.events.judged(ids, outcome.decision, judgement.rule);
  for (const warning of judgement.warnings) await context.events.allowedByStar(tx, ids, warning);
  return outcome;
}

/** The policy's word, and then what only the database knows: cancelled turns, people's grants, how much waits already. */
async function judgeFully(tx: Tx, state: InForce, claims: OriginClaims, action: Action, facts: Facts | null): Promise<ShellJudgement & { granted?: boolean }> {
  const judgement = judgeAction(action, state);
  if (judgement.decision === 'deny') return judgement;
  const denied = (reason: string): ShellJudgement => ({ ...judgement, decision: 'deny', rule: null, reasons: [reason], warnings: [] });
  const [cancelled] = await tx.query('SELECT 1 FROM interlock.cancelled_turns WHERE turn_id = $1', [claims.turnId]);
  if (cancelled) return denied('The turn was cancelled.');
  const { proposers } = rulesOf(action);
  if (proposers && !proposers.trust.includes(claims.trust)) return denied(proposers.refusal);
  if (facts?.impossible !== undefined) return denied(facts.impossible);
  let asked = judgement;
  if (claims.trust === 'untrusted' && judgement.decision === 'allow') {
    // Rules say what the owner's assistant may do by itself, not what strangers may make it do.
    asked = { ...judgement, decision: 'ask', rule: null, warnings: [], reasons: ['It was asked for by somebody who is not trusted.'] };
  }
  if (asked.decision === 'allow') return asked;
  if (claims.trust !== 'untrusted' && state.compiled.allowSuspended === null && (await isGranted(tx, claims.conversation, action))) {
    return { ...judgement, decision: 'allow', rule: null, granted: true, reasons: ['A person allowed exactly this for the conversation.'] };
  }
  const refused = await refuseAsking(tx, state, claims, action);
  return refused === null ? asked : denied(refused);
}

export const grantHash = (conversation: string, action: Action): string => canonicalHash({ conversation, action });

async function isGranted(tx: Tx, conversation: string, action: Action): Promise<boolean> {
  const rows = await tx.query('SELECT 1 FROM interlock.conversation_grants WHERE conversation = $1 AND command_hash = $2 AND expires_at > $3', [conversation, grantHash(conversation, action), tx.now]);
  return rows.length > 0;
}
