import type { ChatAddress } from './types.ts';

/** How OpenClaw reaches a platform: the longest text it sends there as one message (its own `textChunkLimit`), and how it spells a person or a group as a target. */
interface Platform {
  readonly maxChars: number;
  /** What goes before a person's or a group's bare id, so that one is not taken for the other. */
  readonly direct?: string;
  readonly group?: string;
}

const platforms: ReadonlyMap<string, Platform> = new Map<string, Platform>([
  ['telegram', { maxChars: 4_000 }],
  ['whatsapp', { maxChars: 4_000 }],
  ['discord', { maxChars: 2_000, direct: 'user:', group: 'channel:' }],
  ['slack', { maxChars: 8_000, direct: 'user:', group: 'channel:' }],
  ['signal', { maxChars: 4_000, group: 'group:' }],
  ['imessage', { maxChars: 4_000, group: 'chat_id:' }],
  ['matrix', { maxChars: 4_000 }],
  ['msteams', { maxChars: 4_000, direct: 'user:', group: 'conversation:' }],
  ['sms', { maxChars: 1_500 }],
]);
const cautious: Platform = { maxChars: 1_500 };

/** The longest part of an answer on this platform; a cautious one where we do not know the platform. */
export const maxCharsOf = (platform: string): number => (platforms.get(platform) ?? cautious).maxChars;

/** What `send` calls this chat. */
export function targetOf(address: ChatAddress): string {
  const platform = platforms.get(address.platform) ?? cautious;
  const prefix = (address.kind === 'direct' ? platform.direct : platform.group) ?? '';
  return address.chat.startsWith(prefix) ? address.chat : `${prefix}${address.chat}`;
}

const broadcast = /@(?=(?:everyone|here|channel|all|room)\b)|<(?=!(?:channel|here|everyone|subteam)\b|@&)/gi;

/**
 * The text with an invisible space in what would call a whole room together (Discord, Slack, Mattermost, Matrix): OpenClaw sends
 * such words as they are, with the rights of the bot. For what a guest brought the model to say, not for what was approved.
 */
export const withoutBroadcast = (platform: string, text: string): string => (quietPlatforms.has(platform) ? text : text.replace(broadcast, '$&\u200B'));
/** Where no word calls everybody. */
const quietPlatforms: ReadonlySet<string> = new Set(['telegram', 'whatsapp', 'signal', 'imessage', 'sms']);
