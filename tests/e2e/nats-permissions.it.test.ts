import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { errors, type NatsConnection } from '@nats-io/transport-node';
import { connectNats } from '@megabot/bus/nats.ts';
import { handle, type Bus } from '@megabot/bus/port.ts';
import { decide, submit } from '@megabot/contracts/endpoints/interlock.ts';
import { ping } from '@megabot/contracts/endpoints/memory.ts';
import { natsUsers } from '@megabot/contracts/permissions.ts';
import { turns } from '@megabot/contracts/queues.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger, type Logger } from '@megabot/observability/logger.ts';
import { startNats, type TestNats } from '@megabot/testing/nats.ts';
import { publishCases, subscribeCases, type PublishCase } from './nats-permissions-universe.ts';

/** What the server refused on a connection, as `publish subject` or `subscription subject queue`. */
function refusals(connection: NatsConnection): Set<string> {
  const refused = new Set<string>();
  const watch = async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type === 'error' && status.error instanceof errors.PermissionViolationError) {
        const { operation, subject, queue } = status.error;
        refused.add([operation, subject, ...(queue ? [queue] : [])].join(' '));
      }
    }
  };
  void watch();
  return refused;
}

const settle = async (connection: NatsConnection): Promise<void> => {
  await connection.flush();
  // The refusals arrive before the answer to the flush, and are handed on in the next turns of the loop.
  await sleep(20);
};

describe('least privilege on a real NATS server', { timeout: 120_000 }, () => {
  let nats: TestNats;
  before(async () => {
    nats = await startNats();
  });
  after(async () => {
    await nats.close();
  });

  test('for every user, every subject that the tables do not grant is refused, and every one they grant is taken', async (context) => {
    let pairs = 0;
    const granted = (cases: readonly PublishCase[]): number => cases.reduce((sum, { allowed }) => sum + allowed.length, 0);
    const publishes = publishCases();
    const subscribes = subscribeCases();
    for (const user of natsUsers) {
      await using connection = await nats.connect(user);
      const refused = refusals(connection);
      for (const { subject } of publishes) connection.publish(subject, 'x');
      await settle(connection);
      const wrong = publishes.filter(({ subject, allowed }) => refused.has(`publish ${subject}`) === allowed.includes(user));
      assert.deepEqual(wrong.map(({ subject }) => subject), [], `${user}: publish`);
      const subscriptions = subscribes.map(({ subject, queue }) => connection.subscribe(subject, { ...(queue === undefined ? {} : { queue }), callback: () => undefined }));
      await settle(connection);
      const misheard = subscribes.filter(({ subject, queue, allowed }) => refused.has(['subscription', subject, ...(queue === undefined ? [] : [queue])].join(' ')) === allowed.includes(user));
      assert.deepEqual(misheard.map(({ subject, queue }) => `${subject} ${queue ?? ''}`), [], `${user}: subscribe`);
      for (const subscription of subscriptions) if (!subscription.isClosed()) subscription.unsubscribe();
      pairs += publishes.length + subscribes.length;
    }
    const allowed = granted(publishes) + granted(subscribes);
    const message = `${pairs} pairs of user and subject tried: ${pairs - allowed} refused, ${allowed} granted`;
    context.diagnostic(message);
    assert.ok(pairs > 5_000, message);
  });

  test('who has no key of this installation is not let in', async () => {
    const { connect } = await import('@nats-io/transport-node');
    await assert.rejects(connect({ servers: nats.url, maxReconnectAttempts: 0 }), errors.AuthorizationError);
    await assert.rejects(connect({ servers: nats.url, user: 'init', pass: 'init', maxReconnectAttempts: 0 }), errors.AuthorizationError);
  });

  test('a refused call fails at once, and the connection lives on', async () => {
    await using sandbox = await nats.connect('sandbox');
    await assert.rejects(sandbox.request('mb.interlock.decide.v1.sandbox', '{}', { timeout: 30_000 }), (error: Error) => error.cause instanceof errors.PermissionViolationError);
    await sandbox.flush();
  });
});

describe('confused deputies: nobody can be made to speak in another name', { timeout: 60_000 }, () => {
  let nats: TestNats;
  before(async () => {
    nats = await startNats();
  });
  after(async () => {
    await nats.close();
  });

  const open = async (service: ServiceName, logger: Logger = silentLogger()): Promise<Bus> =>
    await connectNats({ service, servers: nats.url, nkeySeed: nats.seeds[service], logger, connectDeadlineMs: 5_000 });

  /** The interlock with the two endpoints worth forging, what reached its handlers, and what its guard dropped. */
  async function victim() {
    const handled: string[] = [];
    const dropped: string[] = [];
    const logger = silentLogger();
    const record = (fields: { subject?: string }, message: string): void => {
      if (message.includes('caller is not proved')) dropped.push(fields.subject ?? '');
    };
    logger.warn = record as Logger['warn'];
    const bus = await open('interlock', logger);
    const reached = (name: string) => async (): Promise<never> => {
      handled.push(name);
      throw new Error('not to be reached');
    };
    await bus.serve([handle(decide, reached('decide')), handle(submit, reached('submit'))]);
    return { bus, handled, dropped };
  }
  const untilDropped = async (dropped: string[], count: number): Promise<void> => {
    for (let wait = 0; wait < 200 && dropped.length < count; wait++) await sleep(10);
  };
  const forgedDecision = 'mb.interlock.decide.v1.gateway';
  const forgedSubmission = 'mb.interlock.submit.v1.orchestrator';

  test('a foreign reply subject on a request: the server drops it unanswered, and could not have answered there', async () => {
    const { bus, handled } = await victim();
    await using interlock = bus;
    await using gateway = await nats.connect('gateway');
    let ran = 0;
    {
      await using memory = await open('memory');
      await memory.serve([
        handle(ping, async () => {
          ran++;
          return { ok: true, detail: '' };
        }),
      ]);
      for (const reply of [forgedSubmission, '_INBOX_orchestrator.token', '_INBOX_gatewayx.token', 'mb.ev.memory.final.x']) gateway.publish('mb.memory.ping.v1.gateway', '{}', { reply });
      gateway.publish('mb.memory.ping.v1.gateway', '{}');
      await gateway.flush();
      await sleep(100);
      assert.equal(ran, 0, 'the handler does not run for a caller that is not proved');
      const proved = await gateway.request('mb.memory.ping.v1.gateway', '{}');
      assert.deepEqual([ran, proved.json()], [1, { ok: true, detail: '' }]);
    }
    // A responder without the guard: its answer is refused by the server, since it may answer its callers' inboxes alone.
    await using careless = await nats.connect('memory');
    const refused = refusals(careless);
    careless.subscribe('mb.memory.ping.v1.*', { queue: 'rpc', callback: (_, message) => void message.respond('{}') });
    await careless.flush();
    gateway.publish('mb.memory.ping.v1.gateway', '{}', { reply: forgedSubmission });
    await gateway.flush();
    await settle(careless);
    assert.deepEqual([...refused], [`publish ${forgedSubmission}`]);
    assert.deepEqual(handled, []);
    assert.equal(interlock.connected, true);
  });

  test("a foreign reply subject on a publish to a stream: the server's own acknowledgement is not taken for a call", async () => {
    const { bus, handled, dropped } = await victim();
    await using interlock = bus;
    await using memory = await nats.connect('memory');
    memory.publish('mb.orchestrator.turn.v1.memory', '{"turnId":"t"}', { reply: forgedDecision });
    await memory.flush();
    await untilDropped(dropped, 1);
    assert.deepEqual([dropped, handled], [[forgedDecision], []]);
    assert.equal(interlock.connected, true);
  });

  test('a foreign reply subject on a pull, an answer of the API or an acknowledgement: neither messages nor answers are taken for calls', async () => {
    const { bus, handled, dropped } = await victim();
    await using interlock = bus;
    await using memory = await open('memory');
    await using orchestrator = await nats.connect('orchestrator');
    const decision = { turnId: 'pulled' };
    for (let index = 0; index < 3; index++) await memory.enqueue(turns, decision, `pulled-${index}`);
    const attacks = [
      ['$JS.API.CONSUMER.MSG.NEXT.TURNS.orchestrator', '1'],
      ['$JS.API.CONSUMER.INFO.TURNS.orchestrator', ''],
    ] as const;
    for (const [subject, body] of attacks) orchestrator.publish(subject, body, { reply: forgedDecision });
    await orchestrator.flush();
    await untilDropped(dropped, 2);
    assert.equal(dropped.length, 2, 'both arrived, and both were dropped');
    // The subject of a pulled message stays its own; its reply is the one to acknowledge it by.
    assert.deepEqual(dropped.toSorted(), [forgedDecision, 'mb.orchestrator.turn.v1.memory'].toSorted());

    const inbox = orchestrator.subscribe('_INBOX_orchestrator.pull', { max: 1 });
    orchestrator.publish('$JS.API.CONSUMER.MSG.NEXT.TURNS.orchestrator', '1', { reply: '_INBOX_orchestrator.pull' });
    for await (const pulled of inbox) orchestrator.publish(pulled.reply ?? '', '+NXT', { reply: forgedDecision });
    await orchestrator.flush();
    await untilDropped(dropped, 3);
    assert.deepEqual([dropped.length, handled], [3, []]);
    assert.equal(interlock.connected, true);
  });

  test('a foreign reply subject on a read of the log of events: an event is not taken for a call', async () => {
    const { bus, handled, dropped } = await victim();
    await using interlock = bus;
    await using sandbox = await nats.connect('sandbox');
    await using gateway = await nats.connect('gateway');
    // Shaped as the request that it wants to be taken for.
    const key = 'turn:1:0';
    await sandbox.request('mb.ev.sandbox.output.c', JSON.stringify({ key, action: { kind: 'shell', command: 'id' } }), { timeout: 2_000 });
    gateway.publish('$JS.API.DIRECT.GET.EVENTS', '{"seq":1}', { reply: forgedSubmission });
    gateway.publish('$JS.API.STREAM.INFO.EVENTS', '', { reply: forgedSubmission });
    await gateway.flush();
    await untilDropped(dropped, 2);
    assert.deepEqual([dropped.length, handled], [2, []]);
    assert.equal(interlock.connected, true);
  });
});
