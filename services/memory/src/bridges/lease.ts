import type { z } from 'zod';
import type * as endpoints from '@megabot/contracts/endpoints/bridge.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Database, Sql } from '@megabot/postgres/database.ts';

/** Who says that it runs a bridge. */
export interface Holder {
  readonly bridge: string;
  readonly holder: string;
}

/** Takes, extends or gives back the lease, by the database's own order of things: of two that ask, one gets it. */
export async function takeLease(sql: Sql, now: Date, request: z.infer<typeof endpoints.bridgeLease.request>): Promise<{ held: boolean }> {
  const { bridge, holder, ttlMs, release } = request;
  if (release) {
    await sql.query('UPDATE memory.bridges SET holder = NULL, lease_until = NULL WHERE bridge = $1 AND holder = $2', [bridge, holder]);
    return { held: false };
  }
  const rows = await sql.query(
    `INSERT INTO memory.bridges AS b (bridge, holder, lease_until) VALUES ($1, $2, $3)
     ON CONFLICT (bridge) DO UPDATE SET holder = $2, lease_until = $3 WHERE b.holder IS NULL OR b.holder = $2 OR b.lease_until <= $4 RETURNING bridge`,
    [bridge, holder, new Date(now.getTime() + ttlMs), now],
  );
  return { held: rows.length > 0 };
}

/**
 * Runs `work` for the holder of the lease, who keeps it until the work is done: another one takes over before or after it, never
 * in between. @throws ServiceError `lease_lost`
 */
export async function asHolder<T>(db: Database, now: Date, { bridge, holder }: Holder, work: (sql: Sql) => Promise<T>): Promise<T> {
  return await db.transaction(async (sql) => {
    const rows = await sql.query('SELECT bridge FROM memory.bridges WHERE bridge = $1 AND holder = $2 AND lease_until > $3 FOR SHARE', [bridge, holder, now]);
    if (rows.length === 0) throw new ServiceError('lease_lost', 'Another process runs the bridge by now.', { hint: 'It takes up where this one stopped.' });
    return await work(sql);
  });
}
