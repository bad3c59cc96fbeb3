import { z } from 'zod';
import { Id } from './ids.ts';

/** Who speaks, as the connection proves it: `owner`, `device:<id>` or `bridge:<platform>:<account>:<sender>`. */
export const Principal = z.string().regex(/^(owner|device:[A-Za-z0-9_-]{1,64}|bridge:[^\s]{1,300})$/);
export type Principal = z.infer<typeof Principal>;

export const Trust = z.enum(['owner', 'paired', 'untrusted']);
export type Trust = z.infer<typeof Trust>;

/** Where a person's word came in; recorded with every decision. */
export const Channel = z.enum(['native', 'ui', 'http', 'bridge']);
export type Channel = z.infer<typeof Channel>;

/**
 * A person acting through the gateway, which has authenticated the connection. `conversation` is that of the chat the word came
 * in from; somebody behind a bridge may decide nothing outside it, and nothing without it.
 */
export const Actor = z.object({ principal: Principal, trust: Trust, channel: Channel, conversation: Id.optional() });
export type Actor = z.infer<typeof Actor>;
