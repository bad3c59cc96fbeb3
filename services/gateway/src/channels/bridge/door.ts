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
import { createBucketPerKey } from '../../token-bucket.ts';
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

/** Of somebody on a platform that has no settings. */
const strangersPerMinute = 20;

const short = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 32);

/** Where a person's message from a messenger comes in: who it is was said by the bridge's core, what they may by the owner. */
export function createBridgeDoor(deps: BridgeDoorDeps): BridgeDoor {
  const { bus, holder, rules, intake, send, logger, clock } = deps;
  const buckets = new Map<number, ReturnType<typeof createBucketPerKey>>();
  const withinRate = (perMinute: number, principal: string): boolean => {
    let bucket = buckets.get(perMinute);
    if (!bucket) buckets.set(perMinute, (bucket = createBucketPerKey(perMinute / 60, perMinute, clock)));
    return bucket.take(principal);
  };

  /** Said once: the id of the answer is the person's, and an id is one answer for ever. */
  const tellOnce = async (message: InboundMessage, why: string, text: string): Promise<void> => {
    await send({ id: `${why}-${short(chatKey(message))}-${short(bridgePrincipal(message))}`, to: message, sessionKey: message.sessionKey, text });
  };

  return {
    async take(message) {
      const principal = Principal.safeParse(bridgePrincipal(message));
      if (!principal.success) return logger.warn({ platform: message.platform }, 'a sender has an id that cannot be a principal; the message was ignored');
      const settings = (await rules.read()).platform(message.platform);
      if (!settings?.enabled || !settings.allowFrom.includes(message.sender.id)) {
        logger.info({ platform: message.platform, principal: principal.data }, 'somebody who is not listed in allowFrom wrote; they are told once');
        if (withinRate(settings?.ratePerMinute ?? strangersPerMinute, principal.data)) await recordAttempt(message, principal.data);
        // In a group, others would read what was meant for one.
        if (settings?.enabled && message.kind === 'direct') await tellOnce(message, 'stranger', 'This is a private assistant. It does not answer you; its owner decides whom it answers.');
        return;
      }
      if (!withinRate(settings.ratePerMinute, principal.data)) {
        logger.warn({ principal: principal.data, ratePerMinute: settings.ratePerMinute }, 'a person behind the bridge writes faster than allowed; the message was not taken');
        await send({
          id: `rate-${short(messageKey(message))}`, to: message, sessionKey: message.sessionKey,
          text: `Your message was not taken: only ${settings.ratePerMinute} a minute are. Send it again in a minute.`,
        });
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
    if (!approvalId.success) return;
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
      if (error.code !== 'conflict') await send({ id: `refused-${short(messageKey(message))}`, to: message, sessionKey: message.sessionKey, text: `Your message was not taken. ${error.message} ${error.hint ?? ''}`.trim() });
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
