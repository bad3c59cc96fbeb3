import type { z } from 'zod';
import type { policyEdit } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { PolicyView } from '@megabot/contracts/policy.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import type { NewAuditEntry } from './audit.ts';
import { adopt, lockConfiguration } from './configuration/adopt.ts';
import { editConfiguration, type PolicyEdit } from './configuration/edit.ts';
import { fileName, readingOf } from './configuration/file.ts';
import { parseConfiguration } from './configuration/parse.ts';
import { readInForce, readStateRow, toPolicyView } from './configuration/state.ts';
import type { Context } from './context.ts';
import { parsePattern } from './policy/pattern.ts';
import { recordingRefusals } from './refusals.ts';
import type { Tx } from './transaction.ts';

type Request = z.infer<(typeof policyEdit)['request']>;
export interface EditResult {
  readonly policy: PolicyView;
  readonly changed: boolean;
}

/** Edits `meta-config.yaml` for the owner. @throws ServiceError `policy_invalid`, `policy_conflict`, `not_entitled`, `unavailable` */
export async function editPolicy(context: Context, { actor, edit }: Request): Promise<EditResult> {
  const wanted: PolicyEdit = edit.op === 'replace' ? { op: 'replace', policy: edit.policy } : { ...edit, pattern: edit.pattern.trim() };
  const options = edit.op === 'replace' && edit.ifVersion !== undefined ? { ifVersion: edit.ifVersion } : {};
  return await recordingRefusals(context, entryOf('edit_refused', actor, wanted), async () => {
    requireOwner(actor, 'Only the owner may change the policy.');
    for (const pattern of patternsOf(wanted)) requirePattern(pattern);
    return await context.transact(async (tx) => {
      await lockConfiguration(tx);
      const changed = await applyEdit(tx, context, wanted, options);
      if (changed) tx.record(entryOf('policy_edited', actor, wanted));
      return { policy: toPolicyView(await readInForce(tx, '')), changed };
    });
  });
}

/** Lifts a lockdown. @throws ServiceError `not_entitled`, `unavailable` while the file cannot be used */
export async function unlock(context: Context, actor: Actor): Promise<PolicyView> {
  const edit: PolicyEdit = { op: 'remove', list: 'deny', pattern: '*' };
  return await recordingRefusals(context, entryOf('edit_refused', actor, edit), async () => {
    requireOwner(actor, 'Only the owner may lift a lockdown.');
    return await context.transact(async (tx) => {
      await lockConfiguration(tx);
      if (await applyEdit(tx, context, edit, { mayUnlock: true, failure: 'unavailable' })) tx.record(entryOf('policy_edited', actor, edit));
      return toPolicyView(await readInForce(tx, ''));
    });
  });
}

export interface EditOptions {
  readonly ifVersion?: string;
  readonly mayUnlock?: boolean;
  readonly failure?: 'policy_invalid' | 'unavailable';
}

/**
 * Makes one edit in the file and puts the result in force. What was edited by hand meanwhile stays: the edit is made again on
 * top of it. The configuration must be locked. Resolves to whether anything changed.
 */
export async function applyEdit(tx: Tx, context: Context, edit: PolicyEdit, options: EditOptions = {}): Promise<boolean> {
  const row = await readStateRow(tx, 'FOR UPDATE');
  for (let attempt = 0; attempt < 10; attempt++) {
    const reading = await context.file.readAtRest(row.content_hash);
    const before = reading.found ? parseConfiguration(reading.text) : undefined;
    if (!reading.found || !before?.ok) {
      const problem = reading.found && before && !before.ok ? before.problems.join(' ') : reading.found ? '' : reading.problem;
      throw new ServiceError(options.failure ?? 'policy_invalid', `The settings cannot be changed, because ${fileName} cannot be used. ${problem}`, { hint: 'Mend the file first.' });
    }
    if (options.ifVersion !== undefined && options.ifVersion !== reading.hash.slice(0, 32)) {
      throw new ServiceError('policy_conflict', 'The policy has changed since it was read.', { hint: 'Read it again and repeat the change.' });
    }
    const text = editConfiguration(reading.text, edit);
    if (text === reading.text) {
      // It says so already, by hand or by an attempt that did not come to its commit: then it is in force from here on.
      if (reading.hash === row.content_hash) return false;
      await adopt(tx, row, reading, context.events);
      return true;
    }
    const after = parseConfiguration(text);
    if (!after.ok) throw new ServiceError('policy_invalid', `With this change ${fileName} could not be used. ${after.problems.join(' ')}`);
    const locks = (deny: readonly string[]): boolean => deny.some((pattern) => pattern.trim() === '*');
    if (options.mayUnlock !== true && locks(before.configuration.policies.deny) && !locks(after.configuration.policies.deny)) {
      throw new ServiceError('not_entitled', 'A lockdown is not lifted by changing the policy.', { hint: 'The owner lifts it with !unlock, entering the token again.' });
    }
    if (!context.file.replace(text, reading.hash)) continue;
    // What was just written, not what stands there by now: a later change by hand is read as one of its own.
    await adopt(tx, row, readingOf(text), context.events);
    return true;
  }
  throw new ServiceError('unavailable', `${fileName} is being changed by somebody else all the time.`, { hint: 'Try again in a moment.' });
}

function patternsOf(edit: PolicyEdit): readonly string[] {
  if (edit.op === 'replace') return [...edit.policy.allow, ...edit.policy.deny];
  return edit.op === 'add' ? [edit.pattern] : [];
}

function requirePattern(pattern: string): void {
  const reading = parsePattern(pattern);
  if (!reading.ok) throw new ServiceError('policy_invalid', `The pattern ${JSON.stringify(pattern.slice(0, 200))} cannot be used. ${reading.problem}`);
}

function entryOf(event: 'policy_edited' | 'edit_refused', actor: Actor, edit: PolicyEdit): NewAuditEntry {
  const subject = edit.op === 'replace' ? { op: 'replace' } : { op: edit.op, list: edit.list };
  if (edit.op !== 'replace') return { event, principal: actor.principal, channel: actor.channel, rule: edit.pattern, subject };
  return { event, principal: actor.principal, channel: actor.channel, subject, text: JSON.stringify({ allow: edit.policy.allow, deny: edit.policy.deny }) };
}

function requireOwner(actor: Actor, message: string): void {
  if (actor.trust !== 'owner') throw new ServiceError('not_entitled', message);
}
