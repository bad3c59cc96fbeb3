import { eventLogReaders, followerTable } from './consumers.ts';
import type { ServiceName } from './services.ts';
import { serviceNames } from './services.ts';
import { consumerName, endpointSubject, endpointWildcard, eventWildcard, inboxPrefix, queueGroup, queueSubject, streams, type StreamName } from './subjects.ts';
import { endpointTable, eventTable, queueTable } from './table.ts';

/** Whoever connects to NATS: every service, and the one-shot job that makes streams and consumers. */
export const natsUsers = [...serviceNames, 'init'] as const;
export type NatsUser = (typeof natsUsers)[number];

/** What NATS lets a user say and hear. `"<subject> <queue>"` in `subscribe` grants the subject in that queue group alone. */
export interface NatsPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** A durable consumer as the table demands it: a queue's, or a follower's place in `EVENTS`. */
export interface DurableConsumer {
  readonly stream: StreamName;
  readonly service: ServiceName;
  readonly ack: 'explicit' | 'none';
}

export const durableConsumers: readonly DurableConsumer[] = [
  ...queueTable.map((queue) => ({ stream: queue.stream, service: queue.consumer, ack: 'explicit' as const })),
  ...followerTable.map((follower) => ({ stream: 'EVENTS' as const, service: follower.service, ack: follower.ack })),
];

const api = '$JS.API';
export const jetStreamSubjects = {
  consumerInfo: (stream: StreamName, consumer: string) => `${api}.CONSUMER.INFO.${stream}.${consumer}`,
  consumerCreate: (stream: StreamName, consumer: string) => `${api}.CONSUMER.CREATE.${stream}.${consumer}`,
  durableCreate: (stream: StreamName, consumer: string) => `${api}.CONSUMER.DURABLE.CREATE.${stream}.${consumer}`,
  next: (stream: StreamName, consumer: string) => `${api}.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
  acknowledge: (stream: StreamName, consumer: string) => `$JS.ACK.${stream}.${consumer}.>`,
  streamInfo: (stream: StreamName) => `${api}.STREAM.INFO.${stream}`,
  streamCreate: (stream: StreamName) => `${api}.STREAM.CREATE.${stream}`,
  streamUpdate: (stream: StreamName) => `${api}.STREAM.UPDATE.${stream}`,
  directGet: (stream: StreamName) => `${api}.DIRECT.GET.${stream}`,
} as const;

/** Where NATS micro asks a server for a sign of life, its description and its counts. */
const microSubjects = (service: ServiceName): string[] =>
  ['PING', 'INFO', 'STATS'].flatMap((verb) => [`$SRV.${verb}`, `$SRV.${verb}.${service}`, `$SRV.${verb}.${service}.*`]);

const inboxOf = (user: NatsUser): string => `${inboxPrefix(user)}.>`;

/**
 * The rights of one user, from the tables. What may be answered is spelled out as its callers' inboxes: a server that lets
 * services answer wherever a request says so lets a caller forge another's voice.
 */
export function permissionsOf(user: NatsUser): NatsPermissions {
  if (user === 'init') return initPermissions();
  const served = endpointTable.filter((endpoint) => endpoint.service === user);
  const callers = serviceNames.filter((name) => served.some((endpoint) => endpoint.callers.includes(name)));
  const consumers = durableConsumers.filter((consumer) => consumer.service === user);
  return {
    publish: [
      ...endpointTable.filter((endpoint) => endpoint.callers.includes(user)).map((endpoint) => endpointSubject(endpoint, user)),
      ...callers.map(inboxOf),
      ...queueTable.filter((queue) => queue.publisher === user).map(queueSubject),
      ...eventTable.filter((event) => event.service === user).map(eventWildcard),
      ...consumers.flatMap(({ stream, ack }) => [
        jetStreamSubjects.consumerInfo(stream, consumerName(user)),
        jetStreamSubjects.next(stream, consumerName(user)),
        ...(ack === 'explicit' ? [jetStreamSubjects.acknowledge(stream, consumerName(user))] : []),
      ]),
      ...(eventLogReaders.includes(user) ? [jetStreamSubjects.streamInfo('EVENTS'), jetStreamSubjects.directGet('EVENTS')] : []),
    ],
    subscribe: [
      inboxOf(user),
      ...served.map((endpoint) => `${endpointWildcard(endpoint)} ${queueGroup}`),
      ...(served.length > 0 ? microSubjects(user) : []),
      ...eventTable.filter((event) => event.listeners.includes(user)).map(eventWildcard),
    ],
  };
}

/** `init` makes streams and consumers and changes them in place; it can neither delete nor read them. */
function initPermissions(): NatsPermissions {
  const names = Object.values(streams).map((stream) => stream.name);
  return {
    publish: [
      `${api}.INFO`,
      ...names.flatMap((stream) => [jetStreamSubjects.streamInfo(stream), jetStreamSubjects.streamCreate(stream), jetStreamSubjects.streamUpdate(stream)]),
      ...durableConsumers.flatMap(({ stream, service }) => [
        jetStreamSubjects.consumerInfo(stream, consumerName(service)),
        jetStreamSubjects.consumerCreate(stream, consumerName(service)),
        // Where a consumer has one filter, it is the rest of the subject; where it has several, the older subject serves.
        `${jetStreamSubjects.consumerCreate(stream, consumerName(service))}.>`,
        jetStreamSubjects.durableCreate(stream, consumerName(service)),
      ]),
    ],
    subscribe: [inboxOf('init')],
  };
}

const list = (subjects: readonly string[]): string => `[\n${subjects.map((subject) => `      ${JSON.stringify(subject)}`).join('\n')}\n    ]`;

/**
 * The file `infra/nats/permissions.conf`: one variable for each user, which `nats-server.conf` refers to.
 * @throws Error if a user would have no subject to publish or subscribe: NATS takes an empty list for every subject.
 */
export function renderPermissions(): string {
  const blocks = natsUsers.map((user) => {
    const { publish, subscribe } = permissionsOf(user);
    if (publish.length === 0 || subscribe.length === 0) throw new Error(`${user} would have no limits`);
    return `PERMISSIONS_${user}: {\n  publish: {\n    allow: ${list(publish)}\n  }\n  subscribe: {\n    allow: ${list(subscribe)}\n  }\n}\n`;
  });
  return `# Generated from libs/contracts by infra/nats/generate.ts: change the tables there, then run it.\n\n${blocks.join('\n')}`;
}

const publicKey = /^U[A-Z2-7]{55}$/;

/**
 * An installation's own `users.conf`: the public nkey of each user, as variables that `nats-server.conf` refers to.
 * @throws Error naming the user whose key is no public user key; a seed in its place is not repeated.
 */
export function renderNatsUsers(publicKeys: Readonly<Record<NatsUser, string>>): string {
  const lines = natsUsers.map((user) => {
    if (!publicKey.test(publicKeys[user])) throw new Error(`the key of ${user} is not a public nkey of a user`);
    return `NKEY_${user}: ${publicKeys[user]}\n`;
  });
  return lines.join('');
}
