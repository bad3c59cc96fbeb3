import { z } from 'zod';
import { Id, Timestamp } from './ids.ts';
import { Principal } from './principal.ts';

export const Verdict = z.enum(['allow', 'ask', 'deny']);
export type Verdict = z.infer<typeof Verdict>;

export const Pattern = z.string().min(1).max(1_024);

export const Policy = z.object({
  allow: z.array(Pattern).max(1_000),
  deny: z.array(Pattern).max(1_000),
  matching: z.enum(['commands', 'contains']).default('commands'),
});
export type Policy = z.infer<typeof Policy>;

/** "Allow this for the conversation": exactly one action, for some time. `id` is that of the approval it was given with. */
export const ConversationGrant = z.object({ id: Id, conversation: Id, command: z.string(), grantedBy: Principal, grantedAt: Timestamp, expiresAt: Timestamp });
export type ConversationGrant = z.infer<typeof ConversationGrant>;

/** The policy in force, and what a person has to know of it. */
export const PolicyView = Policy.extend({
  /** Opaque; changes with the content (the ETag). */
  version: z.string(),
  lockdown: z.boolean(),
  /** Sentences to show: `allow *` is in force, the file is broken and its allow rules are suspended, … */
  warnings: z.array(z.string()),
  /** What runs without asking although no rule says so, because a person allowed it for a conversation. */
  grants: z.array(ConversationGrant).optional(),
});
export type PolicyView = z.infer<typeof PolicyView>;

/** One simple command of a line, as the policy saw it. Offsets count UTF-16 units of the text. */
export const JudgedPart = z.object({
  words: z.array(z.string()),
  start: z.number().int().nonnegative(),
  end: z.number().int().nonnegative(),
  verdict: Verdict,
  rule: z.object({ list: z.enum(['allow', 'deny']), pattern: z.string(), index: z.number().int().nonnegative() }).nullable(),
  reason: z.string(),
});
export type JudgedPart = z.infer<typeof JudgedPart>;

/** Why a command is judged as it is. */
export const Judgement = z.object({
  decision: Verdict,
  rule: z.string().nullable(),
  reasons: z.array(z.string()),
  /** The simple commands that were found, each as its words. */
  commands: z.array(z.array(z.string())),
  parts: z.array(JudgedPart).optional(),
  warnings: z.array(z.string()).optional(),
});
export type Judgement = z.infer<typeof Judgement>;
