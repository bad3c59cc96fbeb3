import type { BridgeAddress } from '@megabot/contracts/bridge-address.ts';
import { revealed } from './invisible.ts';
import { platformName } from './platform-words.ts';

/** The chat of a messenger that a conversation belongs to, for a person and with nothing hidden in it. */
export function chatWords({ platform, account, kind, chat, thread }: BridgeAddress): string {
  return [
    `${kind === 'group' ? 'Group' : 'Chat'} ${revealed(chat)} on ${platformName(platform)}`,
    ...(thread === undefined || thread === '' ? [] : [`thread ${revealed(thread)}`]),
    ...(account === 'default' ? [] : [`account ${revealed(account)}`]),
  ].join(', ');
}
