import type { ActionKind, ExecutorName } from '@megabot/contracts/action.ts';
import { canonicalHash, signedBytes } from '@megabot/contracts/canonical.ts';
import type { Permit, PermitOf } from '@megabot/contracts/queues.ts';
import { signingContexts, type ClaimGrant, type PermitClaims } from '@megabot/contracts/ticket.ts';
import { verifyText } from '@megabot/crypto/ed25519.ts';

export type PermitRefusal = 'forged' | 'other_executor' | 'other_kind' | 'expired' | 'other_plan';

/** Whom a permit must be for. */
export interface Executing {
  readonly service: ExecutorName;
  readonly kinds: readonly ActionKind[];
  /** The interlock's key for permits and grants, pinned. */
  readonly permitPublicKey: string;
}

/**
 * Whether a permit is the interlock's word on exactly this plan, for this executor and still valid; null if it is.
 * The queue is not trusted: whoever could write to it gains nothing without the interlock's key.
 */
export function refusePermit(permit: Permit, executing: Executing, now: number): PermitRefusal | null {
  const { claims, plan, signature } = permit;
  if (!verifyText(executing.permitPublicKey, signedBytes(signingContexts.permit, claims), signature)) return 'forged';
  if (claims.executor !== executing.service) return 'other_executor';
  if (now >= claims.expiresAt) return 'expired';
  if (canonicalHash(plan) !== claims.planHash) return 'other_plan';
  if (!isOfKind(permit, executing.kinds)) return 'other_kind';
  return null;
}

/** For a permit that was not refused: it is of one of these kinds. */
export const isOfKind = <Kind extends ActionKind>(permit: Permit, kinds: readonly Kind[]): permit is PermitOf<Kind> => (kinds as readonly ActionKind[]).includes(permit.plan.kind);

/** Whether the answer to a claim is the interlock's, made for this claim and not a replay of another. */
export function isGrantFor(grant: ClaimGrant, signature: string, claims: PermitClaims, nonce: string, publicKey: string): boolean {
  return (
    verifyText(publicKey, signedBytes(signingContexts.claim, grant), signature) &&
    grant.permitId === claims.permitId &&
    grant.runId === claims.runId &&
    grant.planHash === claims.planHash &&
    grant.nonce === nonce
  );
}
