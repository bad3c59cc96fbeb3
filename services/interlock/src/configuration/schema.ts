import { z } from 'zod';
import { Mode } from '@megabot/contracts/conversation.ts';
import { Pattern } from '@megabot/contracts/policy.ts';

/** A section or list that is written without anything in it counts as left out. */
const optional = <Schema extends z.ZodType>(schema: Schema) => z.preprocess((value) => value ?? undefined, schema);

const whole = (minimum: number, maximum: number) => z.number().int().min(minimum).max(maximum);
const text = (maximum: number) => z.string().min(1).max(maximum);
const patterns = optional(z.array(Pattern).max(1_000).default([]));

/** `meta-config.yaml`. Every key may be left out; a key that is not here is an error. */
export const Configuration = z.strictObject({
  local_only: z.boolean().default(true),
  default_mode: Mode.default('ask'),
  model: optional(
    z
      .strictObject({
        url: z.url({ protocol: /^https?$/ }).max(2_048).nullable().default(null),
        name: text(256).nullable().default(null),
        allowed_hosts: optional(z.array(text(253)).max(100).default([])),
        context_tokens: whole(512, 2_000_000).default(8_192),
      })
      .prefault({}),
  ),
  policies: optional(
    z
      .strictObject({ allow: patterns, deny: patterns, matching: z.enum(['commands']).default('commands') })
      .prefault({}),
  ),
  approvals: optional(z.strictObject({ expire_minutes: whole(1, 10_080).default(15) }).prefault({})),
  sandbox: optional(
    z
      .strictObject({
        image: text(256).default('megabot/sandbox:0.1.0'),
        wall_seconds: whole(1, 3_600).default(300),
        memory_mb: whole(16, 65_536).default(512),
        pids: whole(8, 32_768).default(256),
        cpus: z.number().min(0.1).max(64).default(1),
        output_kb: whole(1, 4_096).default(512),
        workspace_mb: whole(1, 16_384).default(256),
      })
      .prefault({}),
  ),
});
export type Configuration = z.infer<typeof Configuration>;

/** What the database keeps of it besides the policy. */
export const Settings = Configuration.omit({ policies: true });
export type Settings = z.infer<typeof Settings>;
