import type { Endpoint, Event, Queue } from './endpoint.ts';
import * as bridge from './endpoints/bridge.ts';
import * as interlock from './endpoints/interlock.ts';
import * as memory from './endpoints/memory.ts';
import * as orchestrator from './endpoints/orchestrator.ts';
import * as sandbox from './endpoints/sandbox.ts';
import { events } from './events.ts';
import { queues } from './queues.ts';

const isEndpoint = (value: unknown): value is Endpoint => typeof value === 'object' && value !== null && 'callers' in value;

/** Everything that may be said on the bus. What is not here is refused by NATS, by the bus library and by the tests. */
export const endpointTable: readonly Endpoint[] = [memory, bridge, interlock, orchestrator, sandbox].flatMap((module) => Object.values(module).filter(isEndpoint));
export const queueTable: readonly Queue[] = Object.values(queues);
export const eventTable: readonly Event[] = Object.values(events);
