import { z } from 'zod';
import { RunPlan } from './action.ts';
import { defineQueue } from './endpoint.ts';
import { Id } from './ids.ts';
import { PermitClaims } from './ticket.ts';

/** Turns that wait for an orchestrator replica. Postgres is the truth: this queue can be rebuilt from it. */
export const turns = defineQueue({
  stream: 'TURNS', consumer: 'orchestrator', name: 'turn', publisher: 'memory', ackWaitMs: 10_000, maxDeliver: 20,
  payload: z.object({ turnId: Id }),
});

/** Permits for the sandbox. `signature` is Ed25519 over the permit context and the canonical claims. */
export const Permit = z.object({ claims: PermitClaims, signature: z.string(), plan: RunPlan });
export type Permit = z.infer<typeof Permit>;
export const runs = defineQueue({
  stream: 'RUNS', consumer: 'sandbox', name: 'run', publisher: 'interlock', ackWaitMs: 10_000, maxDeliver: 3,
  payload: Permit,
});

export const queues = { turns, runs } as const;
