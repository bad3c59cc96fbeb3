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
