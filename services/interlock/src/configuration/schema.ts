import { z } from 'zod';
import { Mode } from '@megabot/contracts/conversation.ts';
import { Pattern } from '@megabot/contracts/policy.ts';

/** A section or list that is written without anything in it counts as left out. */
const optional = <Schema extends z.ZodType>(schema: Schema) => z.preprocess((value) => value ?? undefined, schema);

const whole = (minimum: number, maximum: number) => z.number().int().min(minimum).max(maximum);
const text = (maximum: number) => z.string().min(1).max(maximum);
const patterns = optional(z.array(Pattern).max(1_000).default([]));

/** Ids as a platform writes them. Text alone: YAML would read +49… or a long number as another number than the one meant. */
const senders = optional(z.array(z.string().regex(/^\S{1,256}$/, 'must be an id without spaces')).max(1_000).default([]));

/** What people behind one messenger may do. */
const Platform = optional(
  z
    .strictObject({
      enabled: z.boolean().default(true),
      allowFrom: senders,
      admins: senders,
      approvals: z.enum(['off', 'code']).default('code'),
      maxRisk: z.enum(['low', 'medium']).default('low'),
      ratePerMinute: whole(1, 600).default(20),
    })
    .prefault({}),
);

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
      .strictObject({ allow: patterns, deny: patterns, matching: z.enum(['commands', 'contains']).default('commands') })
      .prefault({}),
  ),
  admins: optional(z.array(z.string().regex(/^device:[A-Za-z0-9_-]{1,64}$/, 'must be device:<id>')).max(100).default([])),
  approvals: optional(
    z
      .strictObject({
        expire_minutes: whole(1, 10_080).default(15),
        conversation_grant_minutes: whole(1, 10_080).default(1_440),
        max_pending: whole(1, 1_000).default(20),
        max_pending_per_origin: whole(1, 10_000).default(100),
        per_minute: whole(1, 10_000).default(120),
      })
      .prefault({}),
  ),
  bridges: optional(
    z
      .strictObject({
        openclaw: optional(z.strictObject({ platforms: optional(z.record(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/), Platform).default({})) }).prefault({})),
      })
      .prefault({}),
  ),
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
        /** Whether a command may ask for network at all; with `ask` a person is asked each time. */
        network: z.enum(['off', 'ask']).default('off'),
      })
      .prefault({}),
  ),
});
export type Configuration = z.infer<typeof Configuration>;

/** What the database keeps of it besides the policy. */
export const Settings = Configuration.omit({ policies: true });
export type Settings = z.infer<typeof Settings>;
