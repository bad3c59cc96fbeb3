import { z } from 'zod';

/** One chat on a platform, as a bridge to messengers addresses it. */
export const BridgeAddress = z.object({
  platform: z.string().min(1).max(64),
  account: z.string().min(1).max(128),
  kind: z.enum(['direct', 'group']),
  chat: z.string().min(1).max(256),
  thread: z.string().max(256).exactOptional(),
});
export type BridgeAddress = z.infer<typeof BridgeAddress>;
