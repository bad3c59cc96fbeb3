/** How OpenClaw reaches a platform: the longest text it sends there as one message (its own `textChunkLimit`), and how it addresses a person. */
export interface Platform {
  readonly maxChars: number;
  readonly directTarget: (sender: string) => string;
}

const asIs = (sender: string): string => sender;
// A bare number would be read as a channel's.
const asUser = (sender: string): string => (sender.includes(':') ? sender : `user:${sender}`);

const platforms: ReadonlyMap<string, Platform> = new Map([
  ['telegram', { maxChars: 4_000, directTarget: asIs }],
  ['whatsapp', { maxChars: 4_000, directTarget: asIs }],
  ['discord', { maxChars: 2_000, directTarget: asUser }],
  ['slack', { maxChars: 8_000, directTarget: asUser }],
  ['signal', { maxChars: 4_000, directTarget: asIs }],
  ['imessage', { maxChars: 4_000, directTarget: asIs }],
  ['matrix', { maxChars: 4_000, directTarget: asIs }],
  ['msteams', { maxChars: 4_000, directTarget: asUser }],
  ['sms', { maxChars: 1_500, directTarget: asIs }],
]);
const cautious: Platform = { maxChars: 1_500, directTarget: asIs };

/** What we know of a platform, or the most cautious guess. */
export const platformOf = (name: string): Platform => platforms.get(name) ?? cautious;
