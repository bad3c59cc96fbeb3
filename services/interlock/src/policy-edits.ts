import type { z } from 'zod';
import type { policyEdit, policyUndo } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Policy, PolicyView } from '@megabot/contracts/policy.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import type { NewAuditEntry } from './audit.ts';
import { adopt, lockConfiguration } from './configuration/adopt.ts';
import { editConfiguration, UneditableError, type PolicyEdit } from './configuration/edit.ts';
import { fileName, readingOf } from './configuration/file.ts';
import { parseConfiguration } from './configuration/parse.ts';
import type { Configuration, Settings } from './configuration/schema.ts';
import { readInForce, readStateRow } from './configuration/state.ts';
import type { Context } from './context.ts';
import { notEntitled, requireEntitled, requireEntitledChange } from './entitlement.ts';
import { policyView } from './conversation-grants.ts';
import { byHand, differenceOf, findRestorable, findUndo, keepUndo, keepVersion, listVersions } from './policy-history.ts';
import { parseScopedPattern } from './kinds/scoped-pattern.ts';
import { parsePattern } from './policy/pattern.ts';
import { recordingRefusals } from './refusals.ts';
import type { Tx } from './transaction.ts';

type Request = z.infer<(typeof policyEdit)['request']>;
export interface EditResult {
  readonly policy: PolicyView;
  readonly changed: boolean;
}

/** Edits `meta-config.yaml` for a person who may. @throws ServiceError `policy_invalid`, `policy_conflict`, `not_entitled`, `unavailable` */
export async function editPolicy(context: Context, { actor, edit }: Request): Promise<EditResult> {
  const wanted: PolicyEdit = edit.op === 'replace' ? { op: 'replace', policy: edit.policy } : { ...edit, pattern: edit.pattern.trim() };
  const options = { actor, ...(edit.op === 'replace' && edit.ifVersion !== undefined ? { ifVersion: edit.ifVersion } : {}) };
  return await recordingRefusals(context, entryOf('edit_refused', actor, wanted), async () => {
    return await context.transact(async (tx) => {
      await lockConfiguration(tx);
      const { settings } = await readInForce(tx, 'FOR UPDATE');
      requireEntitled(actor, 'edit_policy', settings);
      for (const pattern of patternsOf(wanted)) requirePattern(pattern);
      const changed = await applyEdit(tx, context, wanted, options);
      if (changed) tx.record(entryOf('policy_edited', actor, wanted));
      return { policy: await policyView(tx, await readInForce(tx, ''), tx.now), changed };
    });
  });
}

/** Lifts a lockdown. @throws ServiceError `not_entitled`, `unavailable` while the file cannot be used */
export async function unlock(context: Context, actor: Actor): Promise<PolicyView> {
  const edit: PolicyEdit = { op: 'remove', list: 'deny', pattern: '*' };
  return await recordingRefusals(context, entryOf('edit_refused', actor, edit), async () => {
    return await context.transact(async (tx) => {
      await lockConfiguration(tx);
      requireEntitled(actor, 'unlock', (await readInForce(tx, 'FOR UPDATE')).settings);
      if (await applyEdit(tx, context, edit, { actor, mayUnlock: true, failure: 'unavailable' })) tx.record(entryOf('policy_edited', actor, edit));
      return await policyView(tx, await readInForce(tx, ''), tx.now);
    });
  });
}

type Restoring = z.infer<(typeof policyUndo)['request']>;

/**
 * Puts an earlier version of the whole file back, as a change of its own: the one before the last change, or `to`. What somebody
 * wrote into the file by hand is written over only by naming the version that is wanted. A `request` that undid something already
 * undoes nothing more.
 * @throws ServiceError `not_found`, `policy_conflict`, `policy_invalid`, `not_entitled`, also if it would lift a lockdown
 */
export async function undoPolicy(context: Context, { actor, to, request }: Restoring): Promise<z.infer<(typeof policyUndo)['reply']>> {
  const entry = { principal: actor.principal, channel: actor.channel, rule: null, subject: { op: 'undo', ...(to === undefined ? {} : { to: String(to) }) } } as const;
  return await recordingRefusals(context, { ...entry, event: 'edit_refused' }, async () => {
    return await context.transact(async (tx) => {
      await lockConfiguration(tx);
      const state = await readInForce(tx, 'FOR UPDATE');
      requireEntitled(actor, 'undo_policy', state.settings);
      const done = request === undefined ? undefined : await findUndo(tx, request);
      if (done) {
        if (to !== undefined && to !== done.id) throw new ServiceError('policy_conflict', `This request put version ${done.id} back before.`, { hint: 'Ask for another version by a request of its own.' });
        return { policy: await policyView(tx, state, tx.now), restored: done, repeated: true };
      }
      const reading = await context.file.readAtRest(state.contentHash);
      if (reading.hash !== state.contentHash) throw conflict();
      const found = await findRestorable(tx, state.contentHash, to);
      if (!found) throw new ServiceError('not_found', 'There is no such earlier version of the policy.', { hint: 'The versions that are kept are listed with the policy.' });
      const [newest] = await listVersions(tx, 1);
      if (to === undefined && newest?.by === byHand) {
        throw new ServiceError('policy_conflict', `The last change was made in ${fileName} by hand.`, { hint: `Name the version that you want back; the one before is ${found.version.id} (${found.version.summary}).`, details: { version: found.version.id } });
      }
      await applyText(tx, context, found.content, { actor, ifVersion: reading.hash.slice(0, 32), summary: `Version ${found.version.id} put back.` });
      tx.record({ ...entry, event: 'policy_edited', subject: { op: 'undo', to: String(found.version.id) } });
      if (request !== undefined) await keepUndo(tx, request, found.version);
      return { policy: await policyView(tx, await readInForce(tx, ''), tx.now), restored: found.version, repeated: false };
    });
  });
}

export interface EditOptions {
  readonly actor: Actor;
  readonly ifVersion?: string;
  readonly mayUnlock?: boolean;
  readonly failure?: 'policy_invalid' | 'unavailable';
  readonly summary?: string;
}

/**
 * Makes one edit in the file and puts the result in force. What was edited by hand meanwhile stays: the edit is made again on
 * top of it. The configuration must be locked. Resolves to whether anything changed.
 */
export async function applyEdit(tx: Tx, context: Context, edit: PolicyEdit, options: EditOptions): Promise<boolean> {
  return await changeConfiguration(tx, context, (text) => edited(text, edit), options);
}

/** Puts a whole text in the file's place, under the same conditions as an edit. */
async function applyText(tx: Tx, context: Context, text: string, options: EditOptions): Promise<boolean> {
  return await changeConfiguration(tx, context, () => text, options);
}

/** Changes the whole text in the place of the file, under the conditions of an edit; `change` is called again on what was edited by hand meanwhile. */
export async function changeConfiguration(tx: Tx, context: Context, change: (text: string) => string, options: EditOptions): Promise<boolean> {
  const row = await readStateRow(tx, 'FOR UPDATE');
  for (let attempt = 0; attempt < 10; attempt++) {
    const reading = await context.file.readAtRest(row.content_hash);
    const before = reading.found ? parseConfiguration(reading.text) : undefined;
    if (!reading.found || !before?.ok) {
      const problem = reading.found && before && !before.ok ? before.problems.join(' ') : reading.found ? '' : reading.problem;
      throw new ServiceError(options.failure ?? 'policy_invalid', `The settings cannot be changed, because ${fileName} cannot be used. ${problem}`, { hint: 'Mend the file first.' });
    }
    if (options.ifVersion !== undefined && options.ifVersion !== reading.hash.slice(0, 32)) throw conflict();
    const text = change(reading.text);
    if (text === reading.text) {
      // It says so already, by hand or by an attempt that did not come to its commit: then it is in force from here on.
      if (reading.hash === row.content_hash) return false;
      await adopt(tx, row, reading, context.events);
      return true;
    }
    requireAcceptable(before.configuration.policies, text, options, before.configuration);
    if (!context.file.replace(text, reading.hash)) continue;
    // What was edited by hand just before is a version of its own, so that undoing this edit does not undo that one.
    if (reading.hash !== row.content_hash) await keepVersion(tx, { reading, ...settled(before.configuration), by: byHand, summary: differenceOf(row, settled(before.configuration)) });
    // What was just written, not what stands there by now: a later change by hand is read as one of its own.
    const base = { ...row, ...(reading.hash === row.content_hash ? {} : settled(before.configuration)) };
    await adopt(tx, row, readingOf(text), context.events, { by: options.actor.principal, summary: options.summary ?? differenceFrom(base, text) });
    return true;
  }
  throw new ServiceError('unavailable', `${fileName} is being changed by somebody else all the time.`, { hint: 'Try again in a moment.' });
}

function settled(configuration: Configuration): { policy: Policy; settings: Settings } {
  const { policies, ...settings } = configuration;
  return { policy: policies, settings };
}

function differenceFrom(before: { policy: Policy | null; settings: unknown }, text: string): string {
  const after = parseConfiguration(text);
  return after.ok ? differenceOf(before, settled(after.configuration)) : '';
}

/** @throws ServiceError `policy_invalid` for a text that could not be used, `not_entitled` for a change that the actor may not make */
function requireAcceptable(before: Policy, text: string, options: EditOptions, settings: Pick<Settings, 'admins'>): void {
  const after = parseConfiguration(text);
  if (!after.ok) throw new ServiceError('policy_invalid', `With this change ${fileName} could not be used. ${after.problems.join(' ')}`);
  const locks = (deny: readonly string[]): boolean => deny.some((pattern) => pattern.trim() === '*');
  if (options.mayUnlock !== true && locks(before.deny) && !locks(after.configuration.policies.deny)) {
    throw notEntitled('A lockdown is not lifted by changing the policy.', 'lockdown', 'The owner lifts it with !unlock, entering the token again.');
  }
  requireEntitledChange(options.actor, before, after.configuration.policies, settings);
}

function edited(text: string, edit: PolicyEdit): string {
  try {
    return editConfiguration(text, edit);
  } catch (error) {
    if (!(error instanceof UneditableError)) throw error;
    throw new ServiceError('policy_invalid', error.message, { hint: `Make the change in ${fileName} by hand.`, cause: error });
  }
}

const conflict = (): ServiceError => new ServiceError('policy_conflict', 'The policy has changed since it was read.', { hint: 'Read it again and repeat the change.' });

function patternsOf(edit: PolicyEdit): readonly string[] {
  if (edit.op === 'replace') return [...edit.policy.allow, ...edit.policy.deny];
  return edit.op === 'add' ? [edit.pattern] : [];
}

function requirePattern(pattern: string): void {
  const reading = parseScopedPattern(pattern) ?? parsePattern(pattern);
  if (!reading.ok) throw new ServiceError('policy_invalid', `The pattern ${JSON.stringify(pattern.slice(0, 200))} cannot be used. ${reading.problem}`);
}

function entryOf(event: 'policy_edited' | 'edit_refused', actor: Actor, edit: PolicyEdit): NewAuditEntry {
  const subject = edit.op === 'replace' ? { op: 'replace' } : { op: edit.op, list: edit.list };
  if (edit.op !== 'replace') return { event, principal: actor.principal, channel: actor.channel, rule: edit.pattern, subject };
  return { event, principal: actor.principal, channel: actor.channel, subject, text: JSON.stringify({ allow: edit.policy.allow, deny: edit.policy.deny }) };
}
