import { Id } from '@megabot/contracts/ids.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';

/** Refuses a conversation that could not stand as the last token of an event's subject. @throws ServiceError `bad_request`. */
export function requireConversationToken(conversation: string | undefined): void {
  if (conversation !== undefined && !Id.safeParse(conversation).success) {
    throw new ServiceError('bad_request', 'the conversation of an event must be an id: letters, digits, "-" or "_"');
  }
}
