import { z } from 'zod';
import { RunPlan, type ActionKind, type ExecutorName, type PlanOf } from './action.ts';
import { defineQueue, type Queue } from './endpoint.ts';
import { Id } from './ids.ts';
import { PermitClaims } from './ticket.ts';

/** Turns that wait for an orchestrator replica. Postgres is the truth: this queue can be rebuilt from it. */
export const turns = defineQueue({
  stream: 'TURNS', consumer: 'orchestrator', name: 'turn', publisher: 'memory', ackWaitMs: 10_000, maxDeliver: 20,
  payload: z.object({ turnId: Id }),
});

/** The same for turns of people whom nothing but a messenger vouches for: however many they are, the owner's wait behind none of them. */
export const guestTurns = defineQueue({ ...turns, stream: 'GUEST_TURNS', name: 'guest-turn' });

/** Permits for executors. `signature` is Ed25519 over the permit context and the canonical claims. */
export const Permit = z.object({ claims: PermitClaims, signature: z.string(), plan: RunPlan });
export type Permit = z.infer<typeof Permit>;
/** A permit for one of these kinds. */
export type PermitOf<Kind extends ActionKind> = Omit<Permit, 'plan'> & { readonly plan: PlanOf<Kind> };

const runQueue = (consumer: ExecutorName) => defineQueue({ stream: 'RUNS', consumer, name: 'run', publisher: 'interlock', ackWaitMs: 10_000, maxDeliver: 3, payload: Permit });

/** One queue an executor, so that none sees what is meant for another. */
export const runQueues = {
  sandbox: runQueue('sandbox'),
  orchestrator: runQueue('orchestrator'),
  interlock: runQueue('interlock'),
  memory: runQueue('memory'),
  gateway: runQueue('gateway'),
} as const satisfies Record<ExecutorName, Queue>;

export const queues = { turns, guestTurns, ...runQueues } as const;
