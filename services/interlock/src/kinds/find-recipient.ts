import type { z } from 'zod';
import type { Bus } from '@megabot/bus/port.ts';
import type { ActionOf } from '@megabot/contracts/action.ts';
import { bridgeChats } from '@megabot/contracts/endpoints/bridge.ts';
import { isServiceError, ServiceError } from '@megabot/contracts/errors.ts';
import type { Facts } from './rules.ts';

type KnownChat = z.infer<(typeof bridgeChats)['reply']>['chats'][number];

const mostNamed = 20;

/**
 * The one chat that is meant, among those that the bridge knows. Where several fit none is guessed.
 * @throws ServiceError `unavailable` while the memory, which keeps them, does not answer
 */
export async function findRecipient(bus: Bus, { platform, chat, account, thread }: ActionOf<'bridge_send'>): Promise<Facts> {
  const known = await lookUp(bus, platform, chat);
  if (known.length === 0) return impossible(`The bridge knows no chat ${chat} on ${platform}: somebody listed under allowFrom has to have written there first.`);
  const ofAccount = known.filter(({ address }) => account === undefined || address.account === account);
  if (ofAccount.length === 0) return impossible(`That chat is known to the accounts ${named(known, ({ address }) => address.account)} alone.`);
  const fitting = ofAccount.filter(({ address }) => address.thread === thread);
  if (fitting.length === 0) return impossible(`That chat is known by its threads alone: ${named(ofAccount, ({ address }) => address.thread ?? '(none)')}. Name one.`);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return { recipient: { address: only.address, title: only.title } };
  const accounts = new Set(fitting.map(({ address }) => address.account));
  return impossible(accounts.size > 1 ? `Several accounts know that chat: ${named(fitting, ({ address }) => address.account)}. Name one.` : 'Both a person and a group have that id, so it is not clear who is meant.');
}

const impossible = (reason: string): Facts => ({ impossible: reason });
const named = (chats: readonly KnownChat[], of: (chat: KnownChat) => string): string => [...new Set(chats.map(of))].slice(0, mostNamed).join(', ');

async function lookUp(bus: Bus, platform: string, chat: string): Promise<KnownChat[]> {
  try {
    return (await bus.call(bridgeChats, { bridge: 'openclaw', platform, chat })).chats;
  } catch (error) {
    if (!isServiceError(error, 'timeout', 'no_responders', 'disconnected', 'unavailable')) throw error;
    throw new ServiceError('unavailable', 'The memory does not answer, so it is not known whose chat that is.', { hint: 'Try again in a moment.', cause: error });
  }
}
