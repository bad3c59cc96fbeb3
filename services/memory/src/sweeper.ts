import type { Sql } from '@megabot/postgres/database.ts';
import { lockConversation } from './conversations.ts';
import { endTurn } from './endings.ts';
import type { Transact } from './outbox.ts';
import { enqueueNext, wakeTurn } from './queueing.ts';
import type { TurnRow } from './rows.ts';

export interface SweepLimits {
  /** A queued turn that nobody has claimed for this long is put on the queue again. */
  readonly unclaimedMs: number;
  /** A waiting turn is woken this often, to ask for itself whether its actions have outcomes. */
  readonly wakeEveryMs: number;
  /** A turn whose worker fell silent this often in a row is ended as failed. */
  readonly maxLapses: number;
}

export interface Sweep {
  readonly lapsed: number;
  readonly failed: number;
  readonly requeued: number;
  readonly woken: number;
}

const batch = 500;
const givenUp =
  'I was interrupted several times in a row while working on this and have stopped trying. ' +
  'Nothing was repeated. Please send the message again; if it happens again, the log of the orchestrator says why.';

/**
 * Mends what a crash or a lost message left behind: the database is the truth, the queue is rebuilt from it. Every step
 * checks again under the conversation's lock, so several replicas may sweep at once.
 */
export async function sweepTurns(db: Sql, transact: Transact, now: Date, limits: SweepLimits): Promise<Sweep> {
  let [lapsed, failed, requeued, woken] = [0, 0, 0, 0];
  for (const { id, conversation } of await overdue(db, now)) {
    const outcome = await transact(async (tx) => {
      await lockConversation(tx, conversation);
      const [turn] = await tx.query<TurnRow>(
        "UPDATE memory.turns SET status = 'queued', lapses = lapses + 1, lease = NULL, lease_until = NULL, updated_at = $2 WHERE id = $1 AND status = 'running' AND lease_until <= $2 RETURNING *",
        [id, now],
      );
      if (!turn) return 'fine';
      if (turn.lapses >= limits.maxLapses) {
        await endTurn(tx, now, turn, 'failed', givenUp);
        return 'failed';
      }
      await enqueueNext(tx, now, conversation);
      return 'lapsed';
    });
    if (outcome === 'lapsed') lapsed += 1;
    if (outcome === 'failed') failed += 1;
  }
  for (const conversation of await unclaimed(db, new Date(now.getTime() - limits.unclaimedMs))) {
    await transact(async (tx) => {
      await lockConversation(tx, conversation);
      await enqueueNext(tx, now, conversation);
    });
    requeued += 1;
  }
  for (const id of await waitingSince(db, new Date(now.getTime() - limits.wakeEveryMs))) {
    if (await transact(async (tx) => await wakeTurn(tx, now, id))) woken += 1;
  }
  return { lapsed, failed, requeued, woken };
}

async function overdue(db: Sql, now: Date): Promise<Pick<TurnRow, 'id' | 'conversation'>[]> {
  return await db.query("SELECT id, conversation FROM memory.turns WHERE status = 'running' AND lease_until <= $1 ORDER BY place LIMIT $2", [now, batch]);
}

/** Conversations whose next turn was put on the queue before `before`, and is still there. */
async function unclaimed(db: Sql, before: Date): Promise<string[]> {
  const rows = await db.query<{ conversation: string }>(
    `SELECT conversation FROM memory.turns WHERE status IN ('queued', 'running') GROUP BY conversation
     HAVING bool_and(status = 'queued') AND max(enqueued_at) <= $1 LIMIT $2`,
    [before, batch],
  );
  return rows.map((row) => row.conversation);
}

async function waitingSince(db: Sql, before: Date): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    "SELECT id FROM memory.turns WHERE status = 'waiting' AND enqueued_at <= $1 AND updated_at <= $1 ORDER BY place LIMIT $2",
    [before, batch],
  );
  return rows.map((row) => row.id);
}
