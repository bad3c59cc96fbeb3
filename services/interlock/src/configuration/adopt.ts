import { canonicalJson } from '@megabot/contracts/canonical.ts';
import type { Policy } from '@megabot/contracts/policy.ts';
import type { InterlockEvents } from '../events.ts';
import { stopEverything } from '../stopping.ts';
import type { Transact, Tx } from '../transaction.ts';
import { byHand, differenceOf, keepVersion } from '../policy-history.ts';
import { defaultConfiguration } from './default.ts';
import { fileName, type ConfigurationFile, type FileReading } from './file.ts';
import { parseConfiguration } from './parse.ts';
import { Configuration, type Settings } from './schema.ts';
import { readStateRow, type StateRow } from './state.ts';

export interface Adoption {
  readonly policy: Policy;
  readonly settings: Settings;
  readonly suspended: string | null;
  readonly warnings: string[];
  /** A whole, usable file, to be kept as the last good one. */
  readonly good: boolean;
}

/** Who changed the file. What nobody answers for was written into it by hand. */
export interface Change {
  readonly by: string;
  /** What was done, where that says more than the difference does. */
  readonly summary?: string;
}

/** Held while the file is read or written, so that replicas see its contents in one order. */
export async function lockConfiguration(tx: Tx): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('megabot:interlock:configuration', 0))");
}

/**
 * Reads the file if it has changed and puts what it says in force. With `anew` it is read even if its bytes are known: newer
 * code may understand more of them. Resolves to whether anything changed.
 */
export async function adoptFile(transact: Transact, file: ConfigurationFile, events: InterlockEvents, anew = false): Promise<boolean> {
  return await transact(async (tx) => {
    await lockConfiguration(tx);
    const row = await readStateRow(tx, 'FOR UPDATE');
    let reading = await file.readAtRest(row.content_hash);
    // Missing at the very first start: it is made. Missing later: somebody lost it, which is like a broken one.
    if (!reading.found && reading.missing && row.content_hash === null && file.replace(defaultConfiguration, null)) reading = file.read();
    if (reading.hash === row.content_hash && !(anew && meansSomethingElse(row, reading))) {
      if (anew) await keepKnown(tx, row, reading);
      return false;
    }
    await adopt(tx, row, reading, events);
    return true;
  });
}

/** Puts a reading of the file in force, under the locks of configuration and state. */
export async function adopt(tx: Tx, row: StateRow, reading: FileReading, events: InterlockEvents, change: Change = { by: byHand }): Promise<void> {
  const adoption = understand(row, reading);
  const lockdown = adoption.policy.deny.some((pattern) => pattern.trim() === '*');
  const toggled = lockdown !== row.lockdown;
  const epoch = toggled ? row.epoch + 1 : row.epoch;
  await tx.query(
    `UPDATE interlock.state SET revision = revision + 1, epoch = $1, lockdown = $2, content_hash = $3, policy = $4::jsonb, settings = $5::jsonb, suspended = $6, warnings = $7::jsonb`,
    [epoch, lockdown, reading.hash, JSON.stringify(adoption.policy), JSON.stringify(adoption.settings), adoption.suspended, JSON.stringify(adoption.warnings)],
  );
  if (adoption.good && reading.found) {
    const summary = change.summary ?? differenceOf(row, adoption);
    await keepVersion(tx, { reading, policy: adoption.policy, settings: adoption.settings, by: change.by, summary });
  }
  const version = reading.hash.slice(0, 32);
  tx.record({ event: 'configuration_read', subject: { version, state: adoption.good ? 'good' : 'broken' } });
  if (toggled) {
    tx.record({ event: lockdown ? 'lockdown' : 'unlocked', subject: { epoch: String(epoch) } });
    if (lockdown) await stopEverything(tx, events);
    await events.lockdownChanged(tx, epoch, lockdown);
  }
  await events.configurationRead(tx, version, adoption.warnings);
}

/** What an earlier version of the code put in force without keeping its text can be gone back to from now on. */
async function keepKnown(tx: Tx, row: StateRow, reading: FileReading): Promise<void> {
  const { good, policy, settings } = understand(row, reading);
  if (good && reading.found) await keepVersion(tx, { reading, policy, settings, by: byHand, summary: 'As it stood.' });
}

function meansSomethingElse(row: StateRow, reading: FileReading): boolean {
  const now = understand(row, reading);
  return now.good && canonicalJson([now.policy, now.settings, now.warnings]) !== canonicalJson([row.policy, row.settings, row.warnings]);
}

/** What a reading means: itself, or the last good policy without its allow rules, or, with none stored, lockdown. */
function understand(row: StateRow, reading: FileReading): Adoption {
  const parsed = reading.found ? parseConfiguration(reading.text) : { ok: false as const, problems: [reading.problem] };
  if (parsed.ok) {
    const { policies, ...settings } = parsed.configuration;
    return { policy: policies, settings, suspended: null, warnings: [...parsed.ignored], good: true };
  }
  const problems = `The settings in ${fileName} cannot be used: ${parsed.problems.join(' ')}`;
  if (row.policy !== null && row.settings !== null && row.content_hash !== null) {
    const consequence = 'Until it is mended the last good policy holds, without its allow rules: everything that is not denied asks.';
    return { policy: row.policy, settings: row.settings, suspended: `The allow rules are suspended, because ${fileName} cannot be used.`, warnings: [problems, consequence], good: false };
  }
  const { policies, ...settings } = Configuration.parse({});
  const consequence = 'There is no earlier policy to go on with, so nothing runs until it is mended (lockdown).';
  return { policy: { ...policies, deny: ['*'] }, settings, suspended: null, warnings: [problems, consequence], good: false };
}
