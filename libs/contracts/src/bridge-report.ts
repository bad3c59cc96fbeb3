import { z } from 'zod';
import { Timestamp } from './ids.ts';
import { PlatformSettings } from './settings.ts';

/** Something that the bridge saw and the owner should change. `alarm`: it happened; `warning`: it may, and cannot be seen from here. */
export const BridgeFinding = z.object({ code: z.string(), level: z.enum(['alarm', 'warning']), message: z.string(), mend: z.string() });
export type BridgeFinding = z.infer<typeof BridgeFinding>;

/** An answer that has not arrived. `pending` and `held` may still, `failed` not. It is tried until `expiresAt`. `canRetry`: whether its owner can have it tried once more. */
export const UndeliveredReport = z.object({
  id: z.string(), platform: z.string(), chat: z.string(), state: z.string(), reason: z.string(), attempts: z.number().int(), createdAt: Timestamp, expiresAt: Timestamp, canRetry: z.boolean().exactOptional(),
});
export type UndeliveredReport = z.infer<typeof UndeliveredReport>;

/** What became of such an answer by its owner's decision, and in `message` what that means, in sentences. */
export const UndeliveredDecision = z.object({ id: z.string(), state: z.enum(['pending', 'held', 'discarded']), message: z.string() });
export type UndeliveredDecision = z.infer<typeof UndeliveredDecision>;

/** The owner's rules for one messenger, under its name in `meta-config.yaml`. */
export const PlatformReport = PlatformSettings.extend({ name: z.string() });
export type PlatformReport = z.infer<typeof PlatformReport>;

/** A bridge to messengers, for its owner. Times in milliseconds since 1970. `off`: not set up; `standby`: another process of this MegaBot runs it. */
export const BridgeReport = z.object({
  name: z.string(),
  state: z.enum(['off', 'standby', 'connecting', 'connected', 'waiting', 'refused']),
  since: Timestamp.optional(),
  address: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  mend: z.string().optional(),
  nextTryAt: Timestamp.optional(),
  gatewayVersion: z.string().optional(),
  counters: z.record(z.string(), z.number()),
  findings: z.array(BridgeFinding),
  undelivered: z.array(UndeliveredReport),
  /** Absent while the settings cannot be read. */
  platforms: z.array(PlatformReport).optional(),
});
export type BridgeReport = z.infer<typeof BridgeReport>;
