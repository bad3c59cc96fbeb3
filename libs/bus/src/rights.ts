import type { Endpoint, Event, Queue } from '@megabot/contracts/endpoint.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { eventLogReaders } from '@megabot/contracts/consumers.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';
import { queueSubject } from '@megabot/contracts/subjects.ts';
import { endpointTable, eventTable, queueTable } from '@megabot/contracts/table.ts';

const endpointKey = (endpoint: Endpoint): string => `${endpoint.service}.${endpoint.name}.v${endpoint.version}`;
const endpoints = new Map(endpointTable.map((endpoint) => [endpointKey(endpoint), endpoint]));
const queues = new Map(queueTable.map((queue) => [queueSubject(queue), queue]));
const events = new Map(eventTable.map((event) => [`${event.service}.${event.topic}`, event]));

function refuse(service: ServiceName, what: string): never {
  throw new ServiceError('forbidden', `${service} may not ${what}`, { hint: 'What a service may do on the bus is written in libs/contracts.' });
}

/**
 * The rights of the contracts, asked before anything is sent. On NATS the server enforces the same table a second time; in
 * one process this is the only place. An endpoint, queue or event that is not in the table grants nothing, whatever it says.
 */
export function requireCall(service: ServiceName, endpoint: Endpoint): void {
  if (!mayCall(service, endpoint)) refuse(service, `call ${endpoint.service}.${endpoint.name}`);
}
export const mayCall = (service: ServiceName, endpoint: Endpoint): boolean => endpoints.get(endpointKey(endpoint))?.callers.includes(service) ?? false;

export function requireServe(service: ServiceName, endpoint: Endpoint): void {
  if (endpoints.get(endpointKey(endpoint))?.service !== service) refuse(service, `serve ${endpoint.service}.${endpoint.name}`);
}
export function requireEnqueue(service: ServiceName, queue: Queue): void {
  if (queues.get(queueSubject(queue))?.publisher !== service) refuse(service, `add to the queue ${queue.stream} of ${queue.consumer}`);
}
export function requireWork(service: ServiceName, queue: Queue): void {
  if (queues.get(queueSubject(queue))?.consumer !== service) refuse(service, `work on the queue ${queue.stream} of ${queue.consumer}`);
}
export function requirePublish(service: ServiceName, event: Event): void {
  if (events.get(`${event.service}.${event.topic}`)?.service !== service) refuse(service, `publish ${event.service}.${event.topic}`);
}
export function requireListen(service: ServiceName, event: Event): void {
  if (!events.get(`${event.service}.${event.topic}`)?.listeners.includes(service)) refuse(service, `listen to ${event.service}.${event.topic}`);
}
export function requireFollow(service: ServiceName): void {
  if (!eventTable.some((event) => event.followers.includes(service))) refuse(service, 'follow events');
}
export function requireEventLog(service: ServiceName): void {
  if (!eventLogReaders.includes(service)) refuse(service, 'read the log of events');
}
