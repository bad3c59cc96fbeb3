import { ServiceError } from '@megabot/contracts/errors.ts';
import { isDatabaseError } from '@megabot/postgres/database.ts';

/** A database that is away is a state callers know of and may wait for; any other failure of it is a defect. */
export async function available<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isDatabaseError(error, 'unavailable') && !isDatabaseError(error, 'serialization')) throw error;
    throw new ServiceError('unavailable', 'The database does not answer.', { hint: 'Try again in a moment; what was acknowledged is kept.', cause: error });
  }
}
