import { z } from 'zod';

/** The model section of `meta-config.yaml`; environment names of the orchestrator win over `url` and `name`. */
export const ModelSettings = z.object({
  localOnly: z.boolean(),
  url: z.string().nullable(),
  name: z.string().nullable(),
  /** Host names that count as private although their address does not say so. */
  allowedHosts: z.array(z.string()),
  contextTokens: z.number().int(),
});
export type ModelSettings = z.infer<typeof ModelSettings>;

/** What people behind one messenger may do. Ids are those of the platform, as its gateway reports them. */
export const PlatformSettings = z.object({
  enabled: z.boolean(),
  /** Who is answered at all. */
  allowFrom: z.array(z.string()),
  /** Who may decide approvals of their chat, with a one-time code. */
  admins: z.array(z.string()),
  approvals: z.enum(['off', 'code']),
  /** What is riskier is not even asked about when it was proposed for this messenger. */
  maxRisk: z.enum(['low', 'medium']),
  ratePerMinute: z.number().int().positive(),
});
export type PlatformSettings = z.infer<typeof PlatformSettings>;
export const BridgeSettings = z.object({ openclaw: z.object({ platforms: z.record(z.string(), PlatformSettings) }) });
export type BridgeSettings = z.infer<typeof BridgeSettings>;
