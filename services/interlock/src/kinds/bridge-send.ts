import type { ActionOf } from '@megabot/contracts/action.ts';
import type { BridgeAddress } from '@megabot/contracts/bridge-address.ts';
import { ownEntry } from '../entitlement.ts';
import { suspiciousCharacter } from '../policy/characters.ts';
import { judgeScoped, deny } from './judge-scoped.ts';
import { serviceLimits } from './limits.ts';
import type { KindRules } from './rules.ts';

type Send = ActionOf<'bridge_send'>;

/** The shortest of the messengers' limits, in characters: what is longer may be cut there. */
const surelyOneMessage = 1_500;

/** What Discord, Slack, Matrix and others take for a call of everybody there; OpenClaw hands it on with the rights of the bot. */
const callsEverybody = /@(?:everyone|here|channel|all|room)\b|<!(?:channel|here|everyone|subteam)\b|<@&/i;

/**
 * A message to a chat behind the bridge. It is planned for the one chat that was looked up, account and thread included: that is
 * what the card names, what the permit is signed over, and where it goes.
 */
export const bridgeSend: KindRules<'bridge_send'> = {
  judge({ platform, chat, account, text }, policy) {
    if (text.trim() !== text) return deny(null, 'The message begins or ends with white space, which no messenger carries. Leave it out.');
    return judgeScoped(policy, { scope: 'bridge', subjects: [`${platform}/${chat}`], always: beyondRules(account, text), otherwise: `No rule of the scope "bridge:" names ${platform}/${chat}.` });
  },
  risk: () => 'high',
  display: (action, { recipient }) => `To ${recipient === undefined ? targetOf(action) : describeRecipient(recipient)}:\n${action.text}`,
  summary: (action) => `to ${targetOf(action)} (${action.text.length} characters)`,
  plan(action, { sandbox, conversation, workspaceRevision }, { recipient }) {
    if (recipient === undefined) throw new Error('a message was planned without looking up its chat');
    return { kind: 'bridge_send', conversation, workspaceRevision, action, address: recipient.address, limits: serviceLimits(sandbox) };
  },
  actionOf: (plan) => plan.action,
  usesWorkspace: false,
  barred({ platform }, { bridges }) {
    if (ownEntry(bridges.openclaw.platforms, platform)?.enabled === true) return null;
    return `The messenger ${platform} is not set up, or is turned off (bridges.openclaw.platforms in config/meta-config.yaml).`;
  },
  warnings: ({ platform, text }, _settings, { recipient }) => [
    `It leaves this machine through OpenClaw: ${platform} and ${recipient?.address.kind === 'group' ? 'everybody in that group' : 'whoever reads that chat'} get it, and it cannot be taken back.`,
    ...(suspiciousCharacter(text) === null ? [] : ['The message holds a character that does not show, a control character, or an unusual space. It is shown as an escape.']),
    ...(callsEverybody.test(text) ? ['It has words that call everybody in a room together, such as @everyone.'] : []),
    ...(/<[a-z!/?]/i.test(text) ? ['OpenClaw drops what looks like an HTML tag, so what arrives may be less than what is shown here.'] : []),
    ...(text.length > surelyOneMessage ? [`It is ${text.length} characters long: the messenger may get it in several messages.`] : []),
  ],
  // Answering the chat that asked is no action. Anything else would let a guest write to others in the owner's name.
  proposers: { trust: ['owner', 'paired'], refusal: 'Whoever writes through a messenger is answered there, and cannot have messages sent to anybody else.' },
};

/** A rule names a platform and a chat, whichever of our accounts knows it; to choose one, or to call everybody, is a person's. */
function beyondRules(account: string | undefined, text: string): string | null {
  if (account !== undefined) return 'It names one of several accounts, which no rule speaks of.';
  return callsEverybody.test(text) ? 'It calls a whole room together, which is never allowed without asking.' : null;
}

const targetOf = ({ platform, chat, account, thread }: Send): string =>
  `${platform}/${chat}${account === undefined ? '' : `, account ${account}`}${thread === undefined ? '' : `, thread ${thread}`}`;

/** The chat first and in full: the name of its conversation was made from what its people call themselves. */
function describeRecipient({ address, title }: { readonly address: BridgeAddress; readonly title: string }): string {
  const { platform, account, kind, chat, thread } = address;
  return `${platform}, account ${account}, ${kind === 'group' ? 'group' : 'person'} ${chat}${thread === undefined ? '' : `, thread ${thread}`} (the conversation ${JSON.stringify(title)})`;
}
