import type { z } from 'zod';
import { Secret, TOTP } from 'otpauth';
import type { OneTimeCodes, totpConfirm, totpEnroll, totpRemove } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import type { Sql } from '@megabot/postgres/database.ts';
import type { NewAuditEntry } from './audit.ts';
import { readInForce } from './configuration/state.ts';
import type { Context } from './context.ts';
import { notEntitled, ownEntry, requireEntitled, type Sender } from './entitlement.ts';
import { recordingRefusals } from './refusals.ts';
import type { Tx } from './transaction.ts';

/** RFC 6238 with the values that every authenticator app understands: SHA-1, six digits, steps of 30 seconds. */
const period = 30;
const digits = 6;
/** Codes of one step before and after count as well, for clocks that differ and people who type. */
const toleratedSteps = 1;
/** A secret that nobody confirms in this time counts for nothing. */
const confirmWithinMs = 600_000;
/**
 * Wrong codes that are borne, of one holder and of all together: somebody who can forge one sender can forge them all. Three codes
 * of a million are right at a time, so the day's limit is what keeps patience from finding one.
 */
const bearable = [
  { withinMs: 900_000, own: 5, all: 20, wait: 'Wait 15 minutes, or decide in the web UI.' },
  { withinMs: 86_400_000, own: 20, all: 60, wait: 'Wait a day, or decide in the web UI.' },
] as const;
const rememberedMs = 86_400_000;

interface CodesRow extends Record<string, unknown> {
  platform: string;
  sender: string;
  secret: string;
  enrolled_at: number;
  confirmed_at: number | null;
  used_step: number;
  last_used_at: number | null;
}

const columns = 'platform, sender, secret, enrolled_at, confirmed_at, used_step, last_used_at';
const nameOf = ({ platform, sender }: Sender): string => `${platform}:${sender}`;
const holderOf = ({ platform, sender }: Sender): Sender => ({ platform, sender });

/** Makes a secret for an admin of a messenger. It counts once `confirmCodes` has seen a first code. @throws ServiceError `bad_request`, `not_entitled` */
export async function enrollCodes(context: Context, request: z.infer<(typeof totpEnroll)['request']>): Promise<z.infer<(typeof totpEnroll)['reply']>> {
  const who = holderOf(request);
  return await managing(context, request.actor, who, 'enroll', async (tx, platforms) => {
    if (ownEntry(platforms, who.platform)?.admins.includes(who.sender) !== true) {
      throw new ServiceError('bad_request', 'Only a listed admin can have one-time codes.', { hint: `List ${JSON.stringify(who.sender)} under bridges.openclaw.platforms.${who.platform}.admins in meta-config.yaml first.` });
    }
    const earlier = await findCodes(tx, who);
    if (earlier !== undefined && earlier.confirmed_at !== null) throw new ServiceError('bad_request', 'There are one-time codes for this admin already.', { hint: 'Remove them first.' });
    const secret = new Secret({ size: 20 });
    await tx.query(
      `INSERT INTO interlock.one_time_codes (platform, sender, secret, enrolled_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (platform, sender) DO UPDATE SET secret = excluded.secret, enrolled_at = excluded.enrolled_at, confirmed_at = NULL, used_step = 0, last_used_at = NULL`,
      [who.platform, who.sender, context.codeSecrets.seal(secret.base32, nameOf(who)), tx.now],
    );
    tx.record(entryOf('codes_enrolled', request.actor, who));
    const uri = new TOTP({ issuer: 'MegaBot', label: nameOf(who), algorithm: 'SHA1', digits, period, secret }).toString();
    return { uri, expiresAt: tx.now + confirmWithinMs };
  });
}

/** Puts a secret into use: whoever holds it shows a first code. @throws ServiceError `not_found`, `not_entitled` for a wrong code */
export async function confirmCodes(context: Context, request: z.infer<(typeof totpConfirm)['request']>): Promise<OneTimeCodes> {
  const who = holderOf(request);
  const outcome = await managing(context, request.actor, who, 'confirm', async (tx): Promise<OneTimeCodes | ServiceError> => {
    const row = await findCodes(tx, who);
    if (!row || row.confirmed_at !== null || row.enrolled_at + confirmWithinMs <= tx.now) {
      throw new ServiceError('not_found', 'There is nothing to confirm.', { hint: 'Enrol again: a secret waits ten minutes for its first code.' });
    }
    const refusal = await useCode(tx, context, row, request.code);
    if (refusal) return refusal;
    await tx.query('UPDATE interlock.one_time_codes SET confirmed_at = $3 WHERE platform = $1 AND sender = $2', [who.platform, who.sender, tx.now]);
    tx.record(entryOf('codes_confirmed', request.actor, who));
    return toOneTimeCodes({ ...row, confirmed_at: tx.now, last_used_at: tx.now });
  });
  if (!(outcome instanceof ServiceError)) return outcome;
  // Thrown only now, since the failed attempt has to be kept.
  return await recordingRefusals(context, entryOf('codes_refused', request.actor, who, 'confirm'), () => Promise.reject(outcome));
}

/** @throws ServiceError `not_found`, `not_entitled` */
export async function removeCodes(context: Context, request: z.infer<(typeof totpRemove)['request']>): Promise<void> {
  const who = holderOf(request);
  await managing(context, request.actor, who, 'remove', async (tx) => {
    const removed = await tx.query('DELETE FROM interlock.one_time_codes WHERE platform = $1 AND sender = $2 RETURNING platform', [who.platform, who.sender]);
    if (removed.length === 0) throw new ServiceError('not_found', 'There are no one-time codes for this admin.');
    tx.record(entryOf('codes_removed', request.actor, who));
  });
}

export async function listCodes(sql: Sql): Promise<OneTimeCodes[]> {
  return (await sql.query<CodesRow>(`SELECT ${columns} FROM interlock.one_time_codes ORDER BY platform, sender LIMIT 500`)).map(toOneTimeCodes);
}

/**
 * Takes a code of an admin, once. A refusal is returned, not thrown: the transaction must commit, so that the attempt counts.
 */
export async function takeCode(tx: Tx, context: Context, who: Sender, code: string | undefined): Promise<ServiceError | null> {
  if (code === undefined) return notEntitled('From a messenger, a decision needs a one-time code.', 'code_missing', 'Write `!approve <id> <code>` with the six digits that your authenticator app shows.');
  const row = await findCodes(tx, who);
  if (!row || row.confirmed_at === null) return notEntitled('There are no one-time codes for you yet.', 'not_enrolled', 'The owner sets them up in the web UI.');
  return await useCode(tx, context, row, code);
}

async function useCode(tx: Tx, context: Context, row: CodesRow, code: string): Promise<ServiceError | null> {
  // All attempts follow one another, so that many at once are not more than the limit.
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('megabot:interlock:codes', 0))");
  const holder = nameOf(row);
  for (const { withinMs, own, all, wait } of bearable) {
    const [failures] = await tx.query<{ own: number; all: number }>('SELECT count(*) FILTER (WHERE holder = $1) AS own, count(*) AS "all" FROM interlock.wrong_codes WHERE at > $2', [holder, tx.now - withinMs]);
    if ((failures?.own ?? 0) >= own || (failures?.all ?? 0) >= all) return notEntitled('Too many wrong codes: none is taken for some time.', 'locked', wait);
  }
  const fresh = (await findCodes(tx, row)) ?? row;
  const secret = context.codeSecrets.open(fresh.secret, holder);
  if (secret === null) return notEntitled('Your one-time codes cannot be read any more.', 'not_enrolled', 'The owner removes them in the web UI and sets them up anew.');
  const totp = new TOTP({ algorithm: 'SHA1', digits, period, secret: Secret.fromBase32(secret) });
  const delta = totp.validate({ token: code, timestamp: tx.now, window: toleratedSteps });
  const step = delta === null ? null : totp.counter({ timestamp: tx.now }) + delta;
  if (step === null || step <= fresh.used_step) {
    await tx.query('INSERT INTO interlock.wrong_codes (holder, at) VALUES ($1, $2)', [holder, tx.now]);
    if (step === null) return notEntitled('The code is not right.', 'code_wrong', 'Take the one that your app shows now.');
    return notEntitled('The code was used already.', 'code_used', 'Wait for the next one: each counts once.');
  }
  await tx.query('UPDATE interlock.one_time_codes SET used_step = $3, last_used_at = $4 WHERE platform = $1 AND sender = $2', [row.platform, row.sender, step, tx.now]);
  return null;
}

/** Forgets failures that no longer count. */
export async function forgetWrongCodes(context: Context): Promise<void> {
  await context.store.db.query('DELETE FROM interlock.wrong_codes WHERE at <= $1', [context.clock() - rememberedMs]);
}

async function findCodes(sql: Sql, { platform, sender }: Sender): Promise<CodesRow | undefined> {
  const [row] = await sql.query<CodesRow>(`SELECT ${columns} FROM interlock.one_time_codes WHERE platform = $1 AND sender = $2 FOR UPDATE`, [platform, sender]);
  return row;
}

type Platforms = Awaited<ReturnType<typeof readInForce>>['settings']['bridges']['openclaw']['platforms'];

async function managing<T>(context: Context, actor: Actor, who: Sender, op: string, work: (tx: Tx, platforms: Platforms) => Promise<T>): Promise<T> {
  return await recordingRefusals(context, entryOf('codes_refused', actor, who, op), async () => {
    return await context.transact(async (tx) => {
      const { settings } = await readInForce(tx);
      requireEntitled(actor, 'manage_codes', settings);
      return await work(tx, settings.bridges.openclaw.platforms);
    });
  });
}

function entryOf(event: NewAuditEntry['event'], actor: Actor, who: Sender, op?: string): Omit<NewAuditEntry, 'verdict'> {
  return { event, principal: actor.principal, channel: actor.channel, subject: { holder: nameOf(who), ...(op === undefined ? {} : { op }) } };
}

const toOneTimeCodes = (row: CodesRow): OneTimeCodes => ({ platform: row.platform, sender: row.sender, confirmed: row.confirmed_at !== null, enrolledAt: row.enrolled_at, lastUsedAt: row.last_used_at });
