import { natsUsers, type NatsUser } from '@megabot/contracts/permissions.ts';
import { serviceNames, type ServiceName } from '@megabot/contracts/services.ts';
import { endpointTable, eventTable, queueTable } from '@megabot/contracts/table.ts';

/**
 * Every subject that means something on this bus, each with who may publish or hear it. The rights here are told from the
 * tables a second time, in other words than the generator's, so that a mistake there does not repeat itself here.
 */
export interface PublishCase {
  readonly subject: string;
  readonly allowed: readonly NatsUser[];
}
export interface SubscribeCase extends PublishCase {
  readonly queue?: string;
}

const nobody: readonly NatsUser[] = [];
const streamNames = ['TURNS', 'GUEST_TURNS', 'RUNS', 'EVENTS', 'FOREIGN'] as const;

/** Durable consumers, and whether what they take is acknowledged. */
const consumers: readonly { stream: string; service: ServiceName; acknowledged: boolean }[] = [
  ...queueTable.map((queue) => ({ stream: queue.stream, service: queue.consumer, acknowledged: true })),
  { stream: 'EVENTS', service: 'gateway', acknowledged: false },
  { stream: 'EVENTS', service: 'memory', acknowledged: true },
];
const consumes = (stream: string, service: string) => consumers.find((consumer) => consumer.stream === stream && consumer.service === service);
const exists = (stream: string): boolean => stream !== 'FOREIGN';

export function publishCases(): PublishCase[] {
  return [...callCases(), ...queueCases(), ...eventCases(), ...inboxCases(), ...streamCases(), ...consumerCases(), ...serverCases()];
}

// Where `*` is granted as the last token, some servers also take a subscription to `>`. It hears no more for that: nobody may
// publish a longer subject, which the cases ending in `more` hold.
const callCases = (): PublishCase[] =>
  endpointTable.flatMap(({ service, name, callers }) =>
    [...natsUsers, '*', '>', 'gateway.more'].map((last) => ({
      subject: `mb.${service}.${name}.v1.${last}`,
      allowed: natsUsers.filter((user) => user === last && callers.some((caller) => caller === user)),
    })),
  );

const queueCases = (): PublishCase[] =>
  queueTable.flatMap(({ consumer, name, publisher }) =>
    natsUsers.map((last) => ({ subject: `mb.${consumer}.${name}.v1.${last}`, allowed: natsUsers.filter((user) => user === publisher && last === publisher) })),
  );

const eventCases = (): PublishCase[] =>
  eventTable.flatMap(({ service, topic }) => [
    { subject: `mb.ev.${service}.${topic}.conversation`, allowed: [service] },
    { subject: `mb.ev.${service}.${topic}`, allowed: nobody },
    { subject: `mb.ev.${service}.${topic}.conversation.more`, allowed: nobody },
    { subject: `mb.ev.${service}.other.conversation`, allowed: nobody },
  ]);

/** Answering is allowed into the inboxes of those who may call, and of nobody else. */
const inboxCases = (): PublishCase[] => [
  ...natsUsers.map((owner) => ({
    subject: `_INBOX_${owner}.token`,
    allowed: natsUsers.filter((user) => endpointTable.some(({ service, callers }) => service === user && callers.some((caller) => caller === owner))),
  })),
  { subject: '_INBOX.token', allowed: nobody },
];

function streamCases(): PublishCase[] {
  const readsLog: readonly NatsUser[] = ['gateway'];
  return streamNames.flatMap((stream) => {
    const makes: readonly NatsUser[] = exists(stream) ? ['init'] : nobody;
    const logOf = stream === 'EVENTS' ? readsLog : nobody;
    return [
      { subject: `$JS.API.STREAM.CREATE.${stream}`, allowed: makes },
      { subject: `$JS.API.STREAM.UPDATE.${stream}`, allowed: makes },
      { subject: `$JS.API.STREAM.INFO.${stream}`, allowed: [...makes, ...logOf] },
      { subject: `$JS.API.DIRECT.GET.${stream}`, allowed: logOf },
      ...[
        `STREAM.DELETE.${stream}`, `STREAM.PURGE.${stream}`, `STREAM.MSG.GET.${stream}`, `STREAM.MSG.DELETE.${stream}`, `STREAM.SNAPSHOT.${stream}`,
        `STREAM.RESTORE.${stream}`, `STREAM.PEER.REMOVE.${stream}`, `STREAM.LEADER.STEPDOWN.${stream}`, `DIRECT.GET.${stream}.mb.ev.x`, `CONSUMER.CREATE.${stream}`,
        `CONSUMER.CREATE.${stream}.intruder`, `CONSUMER.DURABLE.CREATE.${stream}.intruder`, `CONSUMER.LIST.${stream}`, `CONSUMER.NAMES.${stream}`,
      ].map((rest) => ({ subject: `$JS.API.${rest}`, allowed: nobody })),
    ];
  });
}

function consumerCases(): PublishCase[] {
  return streamNames.flatMap((stream) =>
    serviceNames.flatMap((service) => {
      const consumer = consumes(stream, service);
      const owner: readonly NatsUser[] = consumer === undefined ? nobody : [service];
      const makes: readonly NatsUser[] = consumer === undefined ? nobody : ['init'];
      return [
        { subject: `$JS.API.CONSUMER.INFO.${stream}.${service}`, allowed: [...owner, ...makes] },
        { subject: `$JS.API.CONSUMER.MSG.NEXT.${stream}.${service}`, allowed: owner },
        { subject: `$JS.ACK.${stream}.${service}.1.1.1.1700000000000000000.0`, allowed: consumer?.acknowledged === true ? owner : nobody },
        { subject: `$JS.API.CONSUMER.CREATE.${stream}.${service}`, allowed: makes },
        { subject: `$JS.API.CONSUMER.CREATE.${stream}.${service}.mb.ev.x.y.*`, allowed: makes },
        { subject: `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${service}`, allowed: makes },
        ...[`CONSUMER.DELETE.${stream}.${service}`, `CONSUMER.PAUSE.${stream}.${service}`, `CONSUMER.UNPIN.${stream}.${service}`, `CONSUMER.LEADER.STEPDOWN.${stream}.${service}`]
          .map((rest) => ({ subject: `$JS.API.${rest}`, allowed: nobody })),
      ];
    }),
  );
}

const serverCases = (): PublishCase[] => [
  { subject: '$JS.API.INFO', allowed: ['init'] },
  ...[
    '$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST', '$JS.API.ACCOUNT.PURGE.$G', '$JS.API.META.LEADER.STEPDOWN', '$JS.API.SERVER.REMOVE', '$JS.FC.TURNS.x', '$JS.SNAPSHOT.ACK.x',
    '$SYS.REQ.SERVER.PING', '$SYS.REQ.ACCOUNT.$G.JSZ', '$SYS.REQ.USER.INFO', '$SRV.PING', '$SRV.INFO.memory', '$SRV.STATS', '$KV.bucket.key', '$O.bucket.C.x', 'mb', 'mb.x', 'other', 'mb.telemetry.ping.v1.gateway',
  ].map((subject) => ({ subject, allowed: nobody })),
];

export function subscribeCases(): SubscribeCase[] {
  const serves = (service: ServiceName): boolean => endpointTable.some((endpoint) => endpoint.service === service);
  return [
    ...endpointTable.flatMap(({ service, name }): SubscribeCase[] => {
      const subject = `mb.${service}.${name}.v1.*`;
      return [
        { subject, queue: 'rpc', allowed: [service] },
        // Outside the queue group a replica would hear every request.
        { subject, allowed: nobody },
        { subject, queue: 'other', allowed: nobody },
        ...serviceNames.map((caller) => ({ subject: `mb.${service}.${name}.v1.${caller}`, allowed: nobody })),
      ];
    }),
    ...queueTable.flatMap(({ consumer, name, publisher }): SubscribeCase[] => [
      { subject: `mb.${consumer}.${name}.v1.${publisher}`, allowed: nobody },
      { subject: `mb.${consumer}.${name}.v1.*`, queue: 'rpc', allowed: nobody },
    ]),
    ...eventTable.flatMap(({ service, topic, listeners }): SubscribeCase[] => [
      { subject: `mb.ev.${service}.${topic}.*`, allowed: listeners },
      { subject: `mb.ev.${service}.*.*`, allowed: nobody },
    ]),
    ...natsUsers.flatMap((owner): SubscribeCase[] => [{ subject: `_INBOX_${owner}.>`, allowed: [owner] }, { subject: `_INBOX_${owner}`, allowed: nobody }]),
    ...serviceNames.flatMap((service): SubscribeCase[] =>
      ['PING', 'INFO', 'STATS'].flatMap((verb) => [
        { subject: `$SRV.${verb}.${service}`, allowed: serves(service) ? [service] : nobody },
        { subject: `$SRV.${verb}.${service}.id`, allowed: serves(service) ? [service] : nobody },
      ]),
    ),
    { subject: '$SRV.PING', allowed: serviceNames.filter(serves) },
    ...[
      '>', '*', '*.>', 'mb.>', 'mb.*.*.v1.*', 'mb.ev.>', 'mb.ev.*.*.*', '_INBOX.>', '_INBOX_*.>', '$SRV.>', '$JS.>', '$JS.API.>', '$JS.ACK.>', '$JS.EVENT.>', '$JS.EVENT.ADVISORY.>',
      '$SYS.>', '$SYS.ACCOUNT.>', '$SYS.REQ.>', '$KV.>', '$O.>', '$MQTT.>', '$NRG.>',
    ].map((subject) => ({ subject, allowed: nobody })),
  ];
}
