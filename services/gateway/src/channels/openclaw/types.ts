import { createHash } from 'node:crypto';

/** One chat on a platform: what an answer goes back to, and what a conversation of ours belongs to. */
export interface ChatAddress {
  /** Such as `telegram` or `whatsapp`; lower case. */
  readonly platform: string;
  /** The bot's or number's account at OpenClaw, mostly `default`. */
  readonly account: string;
  readonly kind: 'direct' | 'group';
  /** The person's id in a direct chat, the group's in a group. */
  readonly chat: string;
  readonly thread?: string;
}

export interface Attachment {
  readonly name?: string;
  readonly mediaType: string;
  /** Bytes, where OpenClaw says so. */
  readonly size?: number;
}

/** What a person wrote on a platform. Its text is untrusted data, whatever it says about who wrote it. */
export interface InboundMessage extends ChatAddress {
  readonly sender: { readonly id: string; readonly name: string };
  /** The platform's id of the message, or `row:<id>` where the platform names none. Unique within the chat. */
  readonly platformMessageId: string;
  /** At most 65,536 characters; empty where there are attachments only. */
  readonly text: string;
  /** Whether OpenClaw or we cut the text. */
  readonly truncated: boolean;
  /** References only: the gateway gives no bytes through the methods that we allow ourselves, except what OpenClaw copies from a file into the text. */
  readonly attachments: readonly Attachment[];
  /** When it was written, milliseconds since 1970, as OpenClaw says. */
  readonly at: number;
  readonly sessionKey: string;
}

/** The principal of a message's sender. Platform and account hold no colon, so no two senders share one. */
export const bridgePrincipal = (message: Pick<InboundMessage, 'platform' | 'account' | 'sender'>): string => `bridge:${message.platform}:${message.account}:${message.sender.id}`;

/** One text for a chat, the same for the same chat alone. */
export const chatKey = ({ platform, account, kind, chat, thread }: ChatAddress): string => bounded([platform, account, kind, chat, ...(thread === undefined ? [] : [thread])].map(encodeURIComponent).join(':'));

/**
 * One text for a message, by which it is recognised when it comes again. On some platforms the sender's own program chooses the
 * id (Signal: the time), so in a group the sender belongs to it: otherwise one could use up the ids of another.
 */
export const messageKey = (message: InboundMessage): string =>
  bounded([chatKey(message), ...(message.kind === 'group' ? [encodeURIComponent(message.sender.id)] : []), message.platformMessageId].join('#'));

/** Percent signs make a long id in another script several times as long; what the store takes has an end. No plain key has a single colon. */
const bounded = (key: string): string => (key.length <= 512 ? key : `sha256:${createHash('sha256').update(key).digest('base64url')}`);
