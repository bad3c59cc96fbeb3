import type { z } from 'zod';
import type { sessionCheck, sessionCreate } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Context } from './context.ts';
import { recordingRefusals } from './refusals.ts';
import { toServiceError } from './transaction.ts';

/** Opens a session. A sign-in code is used up in the same transaction. @throws ServiceError `code_used` */
export async function createSession(context: Context, request: z.infer<(typeof sessionCreate)['request']>): Promise<{ sessionId: string }> {
  return await recordingRefusals(context, { event: 'session_refused', principal: request.principal }, async () => await openSession(context, request));
}

async function openSession(context: Context, request: z.infer<(typeof sessionCreate)['request']>): Promise<{ sessionId: string }> {
  return await context.transact(async (tx) => {
    if (request.codeId !== undefined) {
      const used = await tx.query('INSERT INTO interlock.sign_in_codes (id, used_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING RETURNING id', [request.codeId, tx.now]);
      if (used.length === 0) throw new ServiceError('code_used', 'This sign-in link was used already.', { hint: 'Sign in with the token, or make a new link.' });
    }
    const sessionId = newId();
    await tx.query('INSERT INTO interlock.sessions (id, secret_hash, principal, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)', [sessionId, request.secretHash, request.principal, tx.now, request.expiresAt]);
    tx.record({ event: 'session_opened', principal: request.principal, subject: { sessionId, by: request.codeId === undefined ? 'token' : 'code' } });
    return { sessionId };
  });
}

/** @throws ServiceError `session_invalid` for one that is unknown, ended or expired */
export async function checkSession(context: Context, secretHash: string): Promise<z.infer<(typeof sessionCheck)['reply']>> {
  const [row] = await context.store.db
    .query<{ id: string; principal: string; expires_at: number }>('SELECT id, principal, expires_at FROM interlock.sessions WHERE secret_hash = $1 AND ended_at IS NULL AND expires_at > $2', [secretHash, context.clock()])
    .catch((error: unknown) => {
      throw toServiceError(error);
    });
  if (!row) throw new ServiceError('session_invalid', 'The session has ended.', { hint: 'Sign in again.' });
  return { sessionId: row.id, principal: row.principal, expiresAt: row.expires_at };
}

/** Ends a session; one that is not there is ended already. */
export async function endSession(context: Context, secretHash: string): Promise<void> {
  await context.transact(async (tx) => {
    const [row] = await tx.query<{ id: string; principal: string }>('UPDATE interlock.sessions SET ended_at = $2 WHERE secret_hash = $1 AND ended_at IS NULL RETURNING id, principal', [secretHash, tx.now]);
    if (row) tx.record({ event: 'session_ended', principal: row.principal, subject: { sessionId: row.id } });
  });
}
