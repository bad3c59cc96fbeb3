import type { Bus } from '@megabot/bus/port.ts';
import { bridgeChat } from '@megabot/contracts/endpoints/bridge.ts';
import { decide } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { IdPrefix } from '@megabot/contracts/ids.ts';
import { Principal } from '@megabot/contracts/principal.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import { createHash } from 'node:crypto';
import { parseIntent } from '../../commands/parse.ts';
import { isTransient } from '../../error-table.ts';
import type { MessageIntake } from '../../messages.ts';
import { createBucketPerKey, createTokenBucket } from '../../token-bucket.ts';
import type { BridgeHolder } from '../bus-bridge-store.ts';
import type { Answer } from '../openclaw/outbound.ts';
import { bridgePrincipal, chatKey, messageKey, type InboundMessage } from '../openclaw/types.ts';
import type { BridgeRulesSource } from './settings.ts';

export interface BridgeDoor {
  /** Takes a message; resolves when it is stored or was turned away. A rejection means: try again. */
  take(message: InboundMessage): Promise<void>;
}

export interface BridgeDoorDeps {
  readonly bus: Bus;
  readonly holder: BridgeHolder;
  readonly rules: BridgeRulesSource;
  readonly intake: MessageIntake;
  readonly send: (answer: Answer) => Promise<void>;
  /** Hears of every conversation that a message came into. */
  readonly onConversation: (conversation: string) => void;
  readonly logger: Logger;
  readonly clock: () => number;
}

/**
 * Of all people together whom nobody listed: how many are told, and how many of their attempts are written down. A crowd, or a
 * gateway that invents one, must not fill the stores and the audit log.
 */
const strangersPerMinute = 30;
const rememberedStrangers = 1_000;

const short = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 32);

/** Where a person's message from a messenger comes in: who it is was said by the bridge's core, what they may by the owner. */
export function createBridgeDoor(deps: BridgeDoorDeps): BridgeDoor {
  const { bus, holder, rules, intake, send, logger, clock } = deps;
  const refusals = createTokenBucket(strangersPerMinute / 60, strangersPerMinute, clock);
  const attempts = createTokenBucket(strangersPerMinute / 60, strangersPerMinute, clock);
  /** Who has just been told; whether somebody was told ever is known by the store. */
  const told = new Set<string>();
  const buckets = new Map<number, ReturnType<typeof createBucketPerKey>>();
  /** A person counts once, in whatever account of a platform: accounts and chats are the gateway's to invent. */
  const withinRate = (perMinute: number, { platform, sender }: InboundMessage): boolean => {
    let bucket = buckets.get(perMinute);
    if (!bucket) buckets.set(perMinute, (bucket = createBucketPerKey(perMinute / 60, perMinute, clock)));
    return bucket.take(`${platform}:${sender.id}`);
  };

  const say = async (message: InboundMessage, id: string, text: string): Promise<void> => await send({ id, to: message, sessionKey: message.sessionKey, text });

  /** Said once: the id of the answer is the person's, and an id is one answer for ever. */
  const refuseOnce = async (message: InboundMessage, principal: string): Promise<void> => {
    const id = `stranger-${short(chatKey(message))}-${short(principal)}`;
    if (told.has(id) || !refusals.take()) return;
    logger.info({ platform: message.platform, principal }, 'somebody who is not listed in allowFrom wrote; they are told once');
    await say(message, id, 'This is a private assistant. It does not answer you; its owner decides whom it answers.');
    told.add(id);
    for (const oldest of told) {
      if (told.size <= rememberedStrangers) break;
      told.delete(oldest);
    }
  };

  return {
    async take(message) {
      const principal = Principal.safeParse(bridgePrincipal(message));
      if (!principal.success) return logger.warn({ platform: message.platform }, 'a sender has an id that cannot be a principal; the message was ignored');
      const settings = (await rules.read()).platform(message.platform);
      if (!settings?.enabled || !settings.allowFrom.includes(message.sender.id)) {
        await recordAttempt(message, principal.data);
        // In a group, others would read what was meant for one.
        if (settings?.enabled && message.kind === 'direct') await refuseOnce(message, principal.data);
        return;
      }
      if (!withinRate(settings.ratePerMinute, message)) {
        logger.debug({ principal: principal.data, ratePerMinute: settings.ratePerMinute }, 'a person behind the bridge writes faster than allowed; the message was not taken');
        const minute = Math.floor(clock() / 60_000);
        const id = `rate-${short(`${message.platform}:${message.sender.id}`)}-${minute}`;
        await say(message, id, `You write faster than I may read: only ${settings.ratePerMinute} messages a minute are taken, and those beyond were not. Send them again in a minute.`);
        return;
      }
      const { conversation } = await bus.call(bridgeChat, {
        ...holder, chatKey: chatKey(message), address: addressOf(message), sessionKey: message.sessionKey, title: titleOf(message),
      });
      deps.onConversation(conversation);
      await store(message, principal.data, conversation);
    },
  };

  /** Somebody whom nobody listed tries to decide: the interlock refuses it, whatever it says, and writes down who it was. */
  async function recordAttempt(message: InboundMessage, principal: string): Promise<void> {
    const intent = parseIntent(message.text);
    if (intent.kind !== 'command' || (intent.name !== 'approve' && intent.name !== 'reject')) return;
    const approvalId = IdPrefix.safeParse(intent.argument.split(/\s/, 1)[0]?.toLowerCase());
    if (!approvalId.success || !attempts.take()) return;
    // Without a conversation there is nothing that it could decide.
    const actor = { principal, trust: 'untrusted', channel: 'bridge' } as const;
    await bus.call(decide, { approvalId: approvalId.data, decision: intent.name, actor }).catch((error: unknown) => {
      if (isTransient(error) || !(error instanceof ServiceError)) throw error;
    });
  }

  async function store(message: InboundMessage, principal: string, conversation: string): Promise<void> {
    const actor = { principal, trust: 'untrusted', channel: 'bridge', conversation } as const;
    try {
      await intake.accept({ conversation, key: short(messageKey(message)), text: textOf(message), actor });
    } catch (error) {
      if (isTransient(error) || !(error instanceof ServiceError)) throw error;
      // It will never be taken: the person learns of it, and what comes after it is not held up.
      logger.warn({ err: error, principal }, 'a message from the bridge was refused');
      if (error.code !== 'conflict') await say(message, `refused-${short(messageKey(message))}`, `Your message was not taken. ${error.message} ${error.hint ?? ''}`.trim());
    }
  }
}

const addressOf = ({ platform, account, kind, chat, thread }: InboundMessage) => ({ platform, account, kind, chat, ...(thread === undefined ? {} : { thread }) });

const titleOf = (message: InboundMessage): string =>
  `${message.platform}: ${message.kind === 'group' ? `group ${message.chat}` : message.sender.name || message.sender.id}`.replace(/\p{C}/gu, '').slice(0, 200) || message.platform;

/** Attachments stay where they are; that they were there is said. A command stands alone, so nothing is put behind one. */
function textOf(message: InboundMessage): string {
  const attachments = message.attachments.map(({ name, mediaType, size }) => `[attachment: ${name ?? 'without a name'}, ${mediaType}${size === undefined ? '' : `, ${size} bytes`}; not fetched]`);
  const cut = message.truncated ? ['[the message was longer and was cut]'] : [];
  // The rest of the message has room, whatever a gateway counts as its characters.
  return [message.text.slice(0, 60_000).toWellFormed(), ...attachments, ...cut].filter((line) => line !== '').join('\n').slice(0, 65_536) || '[an empty message]';
}
