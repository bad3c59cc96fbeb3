import { signedBytes } from '@megabot/contracts/canonical.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { signingContexts, type OriginTicket } from '@megabot/contracts/ticket.ts';
import { keyPairFromSeed, signText } from '@megabot/crypto/ed25519.ts';

export interface TicketIssuer {
  /** Signs on whose behalf a turn acts. `turnId` is new unless an idempotency key has fixed it. */
  issue(origin: { conversation: string; actor: Actor; turnId?: string }): OriginTicket;
}

/** Signs origin tickets with the key of `seed` (base64url). The interlock pins the public key. */
export function createTicketIssuer(seed: string, clock: () => number): TicketIssuer {
  const { privateKey } = keyPairFromSeed(seed);
  return {
    issue({ conversation, actor, turnId = newId() }) {
      const claims = { turnId, conversation, principal: actor.principal, trust: actor.trust, issuedAt: clock() };
      return { claims, signature: signText(privateKey, signedBytes(signingContexts.origin, claims)) };
    },
  };
}
