import { z } from 'zod';
import { executorNames } from './action.ts';
import { Id, Timestamp } from './ids.ts';
import { Principal, Trust } from './principal.ts';

/** What an origin ticket says: on whose behalf a turn acts. Signed by gateway, verified by interlock. */
export const OriginClaims = z.object({ turnId: Id, conversation: Id, principal: Principal, trust: Trust, issuedAt: Timestamp });
export type OriginClaims = z.infer<typeof OriginClaims>;

/** `signature` is Ed25519 over the UTF-8 bytes of `"megabot-origin-v1\n" + canonicalJson(claims)`, base64url. */
export const OriginTicket = z.object({ claims: OriginClaims, signature: z.string() });
export type OriginTicket = z.infer<typeof OriginTicket>;

/** A single-use permission to start one run. Bound to the plan's hash, to one executor and to a few seconds. */
export const PermitClaims = z.object({
  permitId: Id,
  runId: Id,
  turnId: Id,
  executor: z.enum(executorNames),
  planHash: z.string().regex(/^[0-9a-f]{64}$/),
  epoch: z.number().int().nonnegative(),
  issuedAt: Timestamp,
  expiresAt: Timestamp,
});
export type PermitClaims = z.infer<typeof PermitClaims>;

/** What an executor answers to a claim: signed over the executor's nonce, so that an old answer cannot be replayed. */
export const ClaimGrant = z.object({ permitId: Id, runId: Id, nonce: z.string(), planHash: z.string(), epoch: z.number().int().nonnegative() });
export type ClaimGrant = z.infer<typeof ClaimGrant>;

/** Prefixes that keep a signature made for one purpose from being used for another. */
export const signingContexts = { origin: 'megabot-origin-v1\n', permit: 'megabot-permit-v1\n', claim: 'megabot-claim-v1\n' } as const;
