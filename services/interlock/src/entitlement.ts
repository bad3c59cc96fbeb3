import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Policy } from '@megabot/contracts/policy.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import type { Risk } from '@megabot/contracts/approval.ts';
import type { Settings } from './configuration/schema.ts';

/** Everything that a person can want of the interlock and may be refused. */
export type Act =
  | 'decide' | 'decide_many' | 'edit_approval' | 'allow_for_conversation' | 'allow_always' | 'revoke_grant'
  | 'cancel_turn' | 'edit_policy' | 'allow_everything' | 'change_matching' | 'undo_policy' | 'unlock' | 'manage_codes' | 'erase_texts';

/** Who somebody is to the interlock: by what the connection proved, never by what a text says. */
export type Role = 'owner' | 'admin' | 'device' | 'messenger' | 'nobody';

const everyday: readonly Act[] = ['decide', 'decide_many', 'edit_approval', 'allow_for_conversation', 'allow_always', 'revoke_grant', 'cancel_turn', 'edit_policy', 'undo_policy'];

/** Who may what. Whoever is behind a messenger may decide and stop turns, under the further conditions of `requireMessengerDecision` and `requireOwnTurn`. */
const entitlements: Readonly<Record<Role, ReadonlySet<Act>>> = {
  owner: new Set<Act>([...everyday, 'allow_everything', 'change_matching', 'unlock', 'manage_codes', 'erase_texts']),
  admin: new Set<Act>([...everyday, 'allow_everything', 'change_matching']),
  device: new Set<Act>(everyday),
  messenger: new Set<Act>(['decide', 'cancel_turn']),
  nobody: new Set<Act>(),
};

const refusals: Readonly<Record<Act, string>> = {
  decide: 'You may not decide approvals.',
  decide_many: 'You may not decide several approvals at once.',
  edit_approval: 'You may not change what waits for approval.',
  allow_for_conversation: 'You may not allow this for a whole conversation.',
  allow_always: 'You may not allow this for ever.',
  revoke_grant: 'You may not take back what was allowed for a conversation.',
  cancel_turn: 'You may not stop this turn.',
  edit_policy: 'You may not change the policy.',
  allow_everything: 'Only the owner may let everything run without asking.',
  change_matching: 'Only the owner may change how rules are compared.',
  undo_policy: 'You may not undo changes of the policy.',
  unlock: 'Only the owner may lift a lockdown.',
  erase_texts: 'Only the owner may erase texts of the audit log.',
  manage_codes: 'Only the owner may set up one-time codes.',
};

/**
 * The role of an actor. Principal and trust come from the same connection and must agree: where they do not, something is
 * wrong, and nobody is speaking.
 */
export function roleOf(actor: Actor, settings: Pick<Settings, 'admins'>): Role {
  const { principal, trust, channel } = actor;
  if (principal === 'owner') return trust === 'owner' && channel !== 'bridge' ? 'owner' : 'nobody';
  if (principal.startsWith('device:')) {
    if (trust !== 'paired' || channel === 'bridge') return 'nobody';
    return settings.admins.includes(principal) ? 'admin' : 'device';
  }
  return principal.startsWith('bridge:') && trust === 'untrusted' && channel === 'bridge' ? 'messenger' : 'nobody';
}

/** @throws ServiceError `not_entitled` */
export function requireEntitled(actor: Actor, act: Act, settings: Pick<Settings, 'admins'>): Role {
  const role = roleOf(actor, settings);
  if (!entitlements[role].has(act)) throw notEntitled(refusals[act], act);
  return role;
}

/** `why` goes into the audit log, where the sentence does not. */
export const notEntitled = (message: string, why: string, hint?: string): ServiceError => new ServiceError('not_entitled', message, { details: { why }, ...(hint === undefined ? {} : { hint }) });

/** What a change of the policy demands of whoever makes it, beside the right to change it at all. */
export function requireEntitledChange(actor: Actor, before: Policy, after: Policy, settings: Pick<Settings, 'admins'>): void {
  const everything = (patterns: readonly string[]): boolean => patterns.some((pattern) => pattern.trim() === '*');
  if (everything(after.allow) && !everything(before.allow)) requireEntitled(actor, 'allow_everything', settings);
  if (after.matching !== before.matching) requireEntitled(actor, 'change_matching', settings);
}

export interface Sender {
  readonly platform: string;
  readonly sender: string;
}

/** Who a bridge says is writing: `bridge:<platform>:<account>:<sender>`. Null for a principal of another kind or form. */
export function senderOf(principal: string): Sender | null {
  const [kind, platform = '', account = '', ...rest] = principal.split(':');
  const sender = rest.join(':');
  return kind === 'bridge' && platform !== '' && account !== '' && sender !== '' ? { platform, sender } : null;
}

/**
 * An admin of a messenger whose settings let codes decide. What the bridge says of the sender may be forged: this is where the
 * conditions begin, and the one-time code is the one that counts.
 * @throws ServiceError `not_entitled`
 */
export function requireMessengerAdmin(actor: Actor, settings: Pick<Settings, 'bridges'>): Sender {
  const who = senderOf(actor.principal);
  const platform = who === null ? undefined : ownEntry(settings.bridges.openclaw.platforms, who.platform);
  if (!who || !platform?.enabled || !platform.admins.includes(who.sender)) throw notEntitled(refusals.decide, 'not_an_admin', 'The owner decides in the web UI.');
  if (platform.approvals !== 'code') throw notEntitled('Approvals cannot be decided from this messenger.', 'approvals_off', 'Decide in the web UI.');
  return who;
}

/** @throws ServiceError `not_entitled` for another conversation's approval, or one whose risk a messenger may not decide */
export function requireMessengerDecision(actor: Actor, settings: Pick<Settings, 'bridges'>, approval: { readonly conversation: string; readonly risk: Risk }): void {
  const { platform: name } = requireMessengerAdmin(actor, settings);
  if (actor.conversation === undefined || actor.conversation !== approval.conversation) {
    throw notEntitled('The approval belongs to another conversation.', 'other_conversation', 'Decide it where it was asked, or in the web UI.');
  }
  const maxRisk = ownEntry(settings.bridges.openclaw.platforms, name)?.maxRisk ?? 'low';
  if (exceeds(approval.risk, maxRisk)) {
    throw notEntitled(`Its risk is ${approval.risk}: only ${maxRisk === 'low' ? 'low risk' : 'low or medium risk'} can be decided from this messenger.`, 'risk', 'Decide it in the web UI.');
  }
}

/** @throws ServiceError `not_entitled` for a turn of another conversation than the actor's, and for one of which nothing is known */
export function requireOwnTurn(actor: Actor, conversation: string | undefined): void {
  if (actor.conversation === undefined || actor.conversation !== conversation) throw notEntitled(refusals.cancel_turn, 'other_conversation', 'Stop it where it was asked, or in the web UI.');
}

const order: readonly Risk[] = ['low', 'medium', 'high'];
export const exceeds = (risk: Risk, most: Risk): boolean => order.indexOf(risk) > order.indexOf(most);

/** A name from outside must not find what every object inherits. */
export const ownEntry = <Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined => (Object.hasOwn(record, name) ? record[name] : undefined);
