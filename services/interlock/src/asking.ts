import type { Action } from '@megabot/contracts/action.ts';
import type { OriginClaims } from '@megabot/contracts/ticket.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import type { InForce } from './configuration/state.ts';
import type { Context } from './context.ts';
import { exceeds, ownEntry, senderOf } from './entitlement.ts';
import { riskOf } from './kinds/table.ts';
import type { Tx } from './transaction.ts';

const minuteMs = 60_000;

/**
 * Why an action must not be asked about, as a sentence, or null. A person who is asked too much approves without looking, so
 * what is over the limits is denied and summed up once. Counted in the database, under a lock of the origin, so that replicas
 * agree. The conversation must be locked.
 */
export async function refuseAsking(tx: Tx, state: InForce, claims: OriginClaims, action: Action): Promise<string | null> {
  const capped = refuseOnBridge(state, claims, action);
  if (capped !== null) return capped;
  const { max_pending: perConversation, max_pending_per_origin: perOrigin, per_minute: perMinute } = state.settings.approvals;
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`megabot:interlock:origin:${claims.principal}`]);
  const [counts] = await tx.query<{ here: number; waiting: number; lately: number }>(
    `SELECT (SELECT count(*) FROM interlock.approvals WHERE conversation = $1 AND status = 'pending') AS here,
       (SELECT count(*) FROM interlock.approvals WHERE requested_by = $2 AND status = 'pending') AS waiting,
       (SELECT count(*) FROM interlock.approvals WHERE requested_by = $2 AND created_at > $3) AS lately`,
    [claims.conversation, claims.principal, tx.now - minuteMs],
  );
  const { here = 0, waiting = 0, lately = 0 } = counts ?? {};
  if (here >= perConversation) return await notAsked(tx, claims, `${perConversation} approvals of this conversation are waiting already. Decide them first.`);
  if (waiting >= perOrigin) return await notAsked(tx, claims, `${perOrigin} approvals that the same person asked for are waiting already. Decide them first.`);
  if (lately >= perMinute) return await notAsked(tx, claims, `More than ${perMinute} approvals were asked for within a minute. Wait a minute.`);
  return null;
}

/** What somebody behind a messenger may make the assistant ask for at all. */
function refuseOnBridge(state: InForce, claims: OriginClaims, action: Action): string | null {
  if (!claims.principal.startsWith('bridge:')) return null;
  const who = senderOf(claims.principal);
  const platform = who === null ? undefined : ownEntry(state.settings.bridges.openclaw.platforms, who.platform);
  if (!who || !platform?.enabled) return 'The messenger that this comes from is not enabled.';
  const risk = riskOf(action);
  if (!exceeds(risk, platform.maxRisk)) return null;
  return `Its risk is ${risk}, and what comes from ${who.platform} may ask for ${platform.maxRisk} risk at most (bridges.openclaw.platforms.${who.platform}.maxRisk).`;
}

async function notAsked(tx: Tx, { conversation }: OriginClaims, cause: string): Promise<string> {
  await tx.query(
    'INSERT INTO interlock.unasked (conversation, cause, since, count) VALUES ($1, $2, $3, 1) ON CONFLICT (conversation, cause) DO UPDATE SET count = interlock.unasked.count + 1',
    [conversation, cause, tx.now],
  );
  return cause;
}

interface Unasked {
  readonly conversation: string;
  readonly cause: string;
}

/** What was not asked about and began a minute ago or earlier. */
export async function unaskedDue(sql: Sql, now: number, limit: number): Promise<Unasked[]> {
  return await sql.query<{ conversation: string; cause: string }>('SELECT conversation, cause FROM interlock.unasked WHERE since <= $1 ORDER BY since LIMIT $2', [now - minuteMs, limit]);
}

/** Says once how much was not asked about. Resolves to whether there was anything left to say. */
export async function sumUp(context: Context, { conversation, cause }: Unasked): Promise<boolean> {
  return await context.transact(async (tx) => {
    const [row] = await tx.query<{ count: number }>('DELETE FROM interlock.unasked WHERE conversation = $1 AND cause = $2 RETURNING count', [conversation, cause]);
    if (!row) return false;
    const text = row.count === 1 ? `One more action was proposed and not asked. ${cause}` : `${row.count} more actions were proposed and not asked. ${cause}`;
    await context.events.notAsked(tx, conversation, row.count, text);
    tx.record({ event: 'not_asked', conversation, subject: { count: String(row.count) }, text });
    return true;
  });
}
