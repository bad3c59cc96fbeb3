import type { Action } from '@megabot/contracts/action.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { ConversationGrant, PolicyView } from '@megabot/contracts/policy.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import { readInForce, toPolicyView, type InForce } from './configuration/state.ts';
import type { Context } from './context.ts';
import { requireEntitled } from './entitlement.ts';
import { recordingRefusals } from './refusals.ts';
import { shortened } from './reply-size.ts';
import { grantHash } from './submit.ts';
import type { Tx } from './transaction.ts';

const maxShown = 200;

/** Keeps a person's word for exactly this action in this conversation. Resolves to when it ends. */
export async function grantForConversation(tx: Tx, grant: { conversation: string; action: Action; by: string; approvalId: string; minutes: number }): Promise<number> {
  const expiresAt = tx.now + grant.minutes * 60_000;
  await tx.query(
    `INSERT INTO interlock.conversation_grants (conversation, command_hash, granted_by, granted_at, approval_id, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (conversation, command_hash) DO UPDATE
       SET granted_by = excluded.granted_by, granted_at = excluded.granted_at, approval_id = excluded.approval_id, expires_at = excluded.expires_at`,
    [grant.conversation, grantHash(grant.conversation, grant.action), grant.by, tx.now, grant.approvalId, expiresAt],
  );
  return expiresAt;
}

async function listGrants(sql: Sql, now: number): Promise<ConversationGrant[]> {
  const rows = await sql.query<{ approval_id: string; conversation: string; command: string; granted_by: string; granted_at: number; expires_at: number }>(
    `SELECT g.approval_id, g.conversation, a.command, g.granted_by, g.granted_at, g.expires_at FROM interlock.conversation_grants g
     JOIN interlock.approvals a ON a.id = g.approval_id WHERE g.expires_at > $1 ORDER BY g.granted_at DESC LIMIT $2`,
    [now, maxShown],
  );
  return rows.map((row) => ({ id: row.approval_id, conversation: row.conversation, command: shortened(row.command, 4_096), grantedBy: row.granted_by, grantedAt: row.granted_at, expiresAt: row.expires_at }));
}

/** The policy in force, and what people allowed beside it. */
export async function policyView(sql: Sql, state: InForce, now: number): Promise<PolicyView> {
  return { ...toPolicyView(state), grants: await listGrants(sql, now) };
}

/** Takes a grant back; what it let run already is not stopped. @throws ServiceError `not_found`, `approval_ambiguous`, `not_entitled` */
export async function revokeGrant(context: Context, request: { id: string; actor: Actor }): Promise<PolicyView> {
  const { actor } = request;
  const entry = { principal: actor.principal, channel: actor.channel, subject: { grant: request.id } } as const;
  return await recordingRefusals(context, { ...entry, event: 'edit_refused' }, async () => {
    return await context.transact(async (tx) => {
      const state = await readInForce(tx);
      requireEntitled(actor, 'revoke_grant', state.settings);
      const found = await tx.query<{ approval_id: string }>(
        'SELECT approval_id FROM interlock.conversation_grants WHERE approval_id LIKE $1 AND expires_at > $2 ORDER BY approval_id LIMIT 2 FOR UPDATE',
        [`${request.id.toLowerCase()}%`, tx.now],
      );
      const [only, other] = found;
      if (!only) throw new ServiceError('not_found', 'Nothing that is allowed for a conversation has an id that begins like this.', { hint: 'It may have ended by itself. The list is under !policies.' });
      if (other) throw new ServiceError('approval_ambiguous', 'Several ids begin like this.', { hint: 'Write more of the id.' });
      await tx.query('DELETE FROM interlock.conversation_grants WHERE approval_id = $1', [only.approval_id]);
      tx.record({ ...entry, event: 'grant_revoked', subject: { approvalId: only.approval_id } });
      return await policyView(tx, state, tx.now);
    });
  });
}
