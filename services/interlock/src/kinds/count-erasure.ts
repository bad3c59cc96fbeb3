import type { Bus } from '@megabot/bus/port.ts';
import type { ActionOf } from '@megabot/contracts/action.ts';
import { forgetPreview } from '@megabot/contracts/endpoints/memory.ts';
import { isServiceError, ServiceError } from '@megabot/contracts/errors.ts';
import type { Facts } from './rules.ts';

/** How many items would go. @throws ServiceError `unavailable` while the memory does not answer */
export async function countErasure(bus: Bus, { space, ids, session }: ActionOf<'memory_erase'>): Promise<Facts> {
  try {
    const { count } = await bus.call(forgetPreview, { space, ids, session });
    return count === 0 ? { impossible: 'The memory holds nothing of that.' } : { items: count };
  } catch (error) {
    if (!isServiceError(error, 'timeout', 'no_responders', 'disconnected', 'unavailable')) throw error;
    throw new ServiceError('unavailable', 'The memory does not answer, so nobody could be shown what would be forgotten.', { hint: 'Try again in a moment.', cause: error });
  }
}
