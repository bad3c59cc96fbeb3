import { Row, rowText } from './protocol.ts';
import { cutMark } from './session-history.ts';
import type { Attachment, ChatAddress, InboundMessage } from './types.ts';

/** Why a row is nobody's message to us. */
export type Ignored = 'unreadable' | 'not_a_person' | 'echo' | 'no_channel' | 'no_sender' | 'unknown_session';
/** `recordedAt` is when OpenClaw noted it, in milliseconds; a platform's own time may be of whole seconds. */
export type ReadRow = { readonly kind: 'message'; readonly message: InboundMessage; readonly recordedAt: number } | { readonly kind: 'ignored'; readonly why: Ignored };

const platformName = /^[a-z][a-z0-9_-]{0,31}$/;
/** No colon and no space, so that a principal made of it has one reading. */
const accountName = /^[\w.@+-]{1,64}$/;
const senderId = /^[^\s\p{C}]{1,128}$/u;
const messageId = /^[^\s\p{C}]{1,200}$/u;
const longestText = 65_536;
const longestName = 128;

/**
 * Reads one row of a session as a person's message. Who wrote it and where comes from `__openclaw`, which the gateway's core
 * writes, and the chat of a group from the session's key; what the text says of either counts for nothing.
 */
export function readInbound(sessionKey: string, raw: unknown): ReadRow {
  const parsed = Row.safeParse(raw);
  if (!parsed.success) return ignored('unreadable');
  const row = parsed.data;
  const meta = row.__openclaw;
  if (row.role !== 'user' || row.isHeartbeat === true || row.display === false) return ignored('not_a_person');
  if (meta?.transport?.clients !== undefined) return ignored('echo');
  const platform = meta?.transport?.channel;
  if (!meta || platform === undefined) return ignored('no_channel');
  const sender = meta.senderId ?? '';
  const account = meta.senderIdentity?.accountId ?? 'default';
  // Bots answering bots never end.
  if (meta.senderIdentity?.senderKind === 'bot') return ignored('not_a_person');
  if (!platformName.test(platform) || !accountName.test(account) || !senderId.test(sender)) return ignored('no_sender');
  const place = placeOf(sessionKey, sender);
  if (!place) return ignored('unknown_session');
  const id = String(meta.transport?.messageId ?? (meta.id === undefined ? '' : `row:${meta.id}`));
  if (!messageId.test(id)) return ignored('no_sender');
  const attachments = attachmentsOf(row);
  const text = attachments.length === 0 ? rowText(row) : withoutNotes(rowText(row));
  return {
    kind: 'message',
    recordedAt: meta.recordTimestampMs ?? (row.timestamp ?? 0) + 1_000,
    message: {
      platform, account, ...place,
      sender: { id: sender, name: readableName(meta.senderName) ?? sender },
      platformMessageId: id,
      text: cut(text, longestText),
      truncated: text.length > longestText || text === omitted || text.endsWith(cutMark),
      attachments,
      at: row.timestamp ?? meta.recordTimestampMs ?? 0,
      sessionKey,
    },
  };
}

const mostAttachments = 16;

/**
 * References to what came with a message. The size is what the channel said (Telegram says none), or of an image the number of
 * bytes that the gateway left out of the row, which it tells where OpenClaw's model takes images.
 */
function attachmentsOf(row: Row): Attachment[] {
  const images = (Array.isArray(row.content) ? row.content : []).filter(({ type }) => type === 'image');
  const sizes = images.map(({ bytes, data }) => bytes ?? data);
  const media = row.__openclaw?.media ?? images.map(({ mimeType }) => ({ contentType: mimeType }));
  return media.slice(0, mostAttachments).map(({ contentType = '', ...fact }: NonNullable<NonNullable<Row['__openclaw']>['media']>[number]) => {
    const size = fact.sizeBytes ?? (contentType.startsWith('image/') ? sizes.shift() : undefined);
    return {
      mediaType: /^[\w.+-]+\/[\w.+-]+$/.test(contentType) ? contentType : 'application/octet-stream',
      ...optional('name', readableName(fact.fileName)),
      ...optional('size', size === undefined || !Number.isSafeInteger(Math.round(size)) ? undefined : Math.round(size)),
    };
  });
}

/**
 * A person's text without what OpenClaw wrote into it about their attachments: where a copy lies on its disk, that nothing else
 * was written, that its model could not look at it. What it copied out of a file stays. These lines are never believed, only left out.
 */
function withoutNotes(text: string): string {
  const lines = text.split('\n');
  while (/^\[media attached(?: \d+\/\d+)?: .*\]$/.test(lines[0] ?? '')) lines.shift();
  while (/^\[\w+ attachment not analyzed(?:[: ][^\]]*)?\]$/.test(lines.at(-1) ?? '')) {
    lines.pop();
    while (lines.at(-1) === '') lines.pop();
  }
  const rest = lines.join('\n');
  return rest === '[User sent media without caption]' ? '' : rest;
}

/** What the gateway writes in place of a text that its history does not carry. */
const omitted = '[chat.history omitted: message too large]';

/**
 * Where a row was written: `agent:<id>:…:group:<chat>[:topic:<n>]` names a group, `…:direct:<peer>` and the main session
 * (`agent:<id>:<name>`) are direct chats, whose other side is the sender. Under `dmScope: main` the main session mixes people,
 * which is why the key names nobody there. Undefined for any other key: better no answer than one in the wrong room.
 */
function placeOf(sessionKey: string, sender: string): Pick<ChatAddress, 'kind' | 'chat' | 'thread'> | undefined {
  const group = /^agent:[^:]+:(?:(?!direct:|dm:)[^:]+:){1,2}?(?:group|channel|room):(.+?)(?::(?:topic|thread):([^:]+))?$/.exec(sessionKey);
  if (group?.[1] !== undefined) {
    if (!senderId.test(group[1]) || (group[2] !== undefined && !senderId.test(group[2]))) return undefined;
    return { kind: 'group', chat: group[1], ...optional('thread', group[2]) };
  }
  if (/^agent:[^:]+:(?:[^:]+:){0,2}(?:direct|dm):.+$/.test(sessionKey) || /^agent:[^:]+:[^:]+$/.test(sessionKey)) return { kind: 'direct', chat: sender };
  return undefined;
}

function readableName(name: string | undefined): string | undefined {
  const readable = cut((name ?? '').replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim(), longestName);
  return readable === '' ? undefined : readable;
}

const cut = (text: string, max: number): string => (text.length <= max ? text : text.slice(0, max)).toWellFormed();
const ignored = (why: Ignored): ReadRow => ({ kind: 'ignored', why });
const optional = <Name extends string, Value>(name: Name, value: Value | undefined): { [K in Name]?: Value } => (value === undefined ? {} : { [name]: value }) as { [K in Name]?: Value };
