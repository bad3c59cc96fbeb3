import { z } from 'zod';
import { Id, Timestamp } from './ids.ts';

const Label = z.string().min(1).max(256);

export const NewMemoryItem = z.object({
  text: z.string().min(1).max(16_384),
  externalId: Label.optional(),
  kind: Label.optional(),
  session: Label.optional(),
  author: Label.optional(),
  at: Timestamp.optional(),
  previousExternalId: Label.optional(),
});
export type NewMemoryItem = z.infer<typeof NewMemoryItem>;

export const MemorySpace = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/);

export const RecalledItem = z.object({ id: Id, externalId: z.string().nullable(), text: z.string(), score: z.number(), why: z.string() });
export type RecalledItem = z.infer<typeof RecalledItem>;

export const MemoryItem = NewMemoryItem.extend({ id: Id, space: MemorySpace, createdAt: Timestamp });
export type MemoryItem = z.infer<typeof MemoryItem>;
