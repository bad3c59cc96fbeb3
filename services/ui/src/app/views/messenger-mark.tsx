import type { BridgeAddress } from '@megabot/contracts/bridge-address.ts';
import { chatWords } from '../text/chat-words.ts';
import { platformName } from '../text/platform-words.ts';
import { Icon } from './icons.tsx';

/** Tells a chat of a messenger from the owner's own conversations, whatever its title says. */
export function MessengerMark({ chat }: { chat: BridgeAddress }) {
  return (
    <span className="messenger-mark" title={chatWords(chat)}>
      <Icon name="messengers" size={13} />
      <span className="visually-hidden">Chat on </span>
      <bdi className="messenger-name">{platformName(chat.platform)}</bdi>
    </span>
  );
}
