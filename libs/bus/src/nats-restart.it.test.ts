import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { propagation, type TextMapPropagator } from '@opentelemetry/api';
import { nkeys } from '@nats-io/transport-node';
import { ping } from '@megabot/contracts/endpoints/memory.ts';
import { delta } from '@megabot/contracts/events.ts';
import { turns } from '@megabot/contracts/queues.ts';
import type { ServiceName } from '@megabot/contracts/services.ts';
import { provisionStreams } from '@megabot/init/provision-streams.ts';
import { retry, sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { startNats, type TestNats } from '@megabot/testing/nats.ts';
import { collector, deferred, deltaOf, freshId, ofConversation } from './samples-for-compliance.ts';
import { connectNats } from './nats.ts';
import { handle, type Bus } from './port.ts';

describe('the bus over NATS, when processes die', { timeout: 120_000 }, () => {
  let nats: TestNats;
  before(async () => {
    nats = await startNats({ ackWaitMs: 1_000 });
  });
  after(async () => {
    await nats.close();
  });
  const open = async (service: ServiceName): Promise<Bus> =>
    await connectNats({ service, servers: nats.url, nkeySeed: nats.seeds[service], logger: silentLogger(), connectDeadlineMs: 5_000 });
  const pong = handle(ping, async () => ({ ok: true, detail: '' }));

  test('a message that a killed process held is worked on by another', async () => {
    await using memory = await open('memory');
    const child = spawn(process.execPath, [fileURLToPath(new URL('nats-worker-for-test.ts', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      child.stdin.end(`${nats.url}\n${nats.seeds.orchestrator}\n`);
      const id = freshId();
      await memory.enqueue(turns, { turnId: id }, id);
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      assert.equal(line.toString().trim(), id);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await using orchestrator = await open('orchestrator');
      const got = collector<unknown>();
      await orchestrator.work(turns, { concurrency: 1 }, async ({ turnId }, { attempt }) => got.add([turnId, attempt]));
      assert.deepEqual(await got.until(1), [[id, 2]]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('without the server a call fails at once, also one in flight; with it back everything goes on by itself', async () => {
    await using memory = await open('memory');
    await using gateway = await open('gateway');
    await using orchestrator = await open('orchestrator');
    const hang = deferred();
    const reached = deferred();
    let hanging = true;
    await memory.serve([
      handle(ping, async () => {
        reached.resolve();
        if (hanging) await hang.promise;
        return { ok: true, detail: '' };
      }),
    ]);
    const worked = collector<string>();
    await orchestrator.work(turns, { concurrency: 1 }, async ({ turnId }) => worked.add(turnId));
    const conversation = freshId();
    const heard = collector<unknown>();
    await gateway.follow(async (envelope) => {
      if (ofConversation(conversation, envelope)) heard.add((envelope.payload as { index: number }).index);
    });
    const { epoch } = await gateway.eventLog.info();
    await memory.enqueue(turns, { turnId: 'before' }, freshId());
    await worked.until(1);
    await orchestrator.publish(delta, deltaOf(conversation, 0), { conversation });
    await heard.until(1);

    const inFlight = assert.rejects(gateway.call(ping, {}, { timeoutMs: 60_000 }), { code: 'disconnected' });
    await reached.promise;
    await nats.kill();
    await inFlight;
    hanging = false;
    hang.resolve();
    assert.equal(gateway.connected, false);
    await assert.rejects(gateway.call(ping, {}, { timeoutMs: 60_000 }), { code: 'disconnected' });
    const queued = memory.enqueue(turns, { turnId: 'while-away' }, freshId());
    const announced = orchestrator.publish(delta, deltaOf(conversation, 1), { conversation });

    await nats.start();
    await Promise.all([queued, announced]);
    await retry(() => gateway.call(ping, {}, { timeoutMs: 1_000 }), { minMs: 50, maxMs: 200, attempts: 50 });
    assert.deepEqual(await worked.until(2), ['before', 'while-away']);
    assert.deepEqual(await heard.until(2), [0, 1]);
    assert.equal((await gateway.eventLog.info()).epoch, epoch, 'the log is the same one');
    assert.deepEqual([gateway.connected, memory.connected], [true, true]);
  });

  test('what cannot be published within seconds is an error, never dropped in silence', async () => {
    await using memory = await open('memory');
    await nats.kill();
    await sleep(50);
    await assert.rejects(memory.enqueue(turns, { turnId: 'nowhere' }, freshId()), { code: 'disconnected' });
    await nats.start();
    await retry(() => memory.enqueue(turns, { turnId: 'somewhere' }, freshId()), { minMs: 50, maxMs: 200, attempts: 50 });
  });

  test('a key the server does not know ends with an error at the deadline', async () => {
    const stranger = new TextDecoder().decode(nkeys.createUser().getSeed());
    const connecting = connectNats({ service: 'memory', servers: nats.url, nkeySeed: stranger, logger: silentLogger(), connectDeadlineMs: 700 });
    await assert.rejects(connecting, (error: Error) => /memory within 700 ms \(.*[Aa]uthorization/.test(error.message) && !error.message.includes(stranger));
  });

  test("another service's key does not open this service's inbox, so nothing can be done with it", async () => {
    const wrong = connectNats({ service: 'memory', servers: nats.url, nkeySeed: nats.seeds.sandbox, logger: silentLogger(), connectDeadlineMs: 2_000 });
    await using bus = await wrong;
    await assert.rejects(bus.serve([pong]), { code: 'forbidden' });
    await assert.rejects(bus.enqueue(turns, { turnId: 't' }, freshId()), { code: 'forbidden' });
  });

  test('trace context travels with calls, queued messages and events', async () => {
    const seen = collector<string>();
    const propagator: TextMapPropagator = {
      fields: () => ['traceparent'],
      inject: (_, carrier, setter) => setter.set(carrier, 'traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
      extract: (context, carrier, getter) => {
        const value = getter.get(carrier, 'traceparent');
        // What earlier tests left in the log carries none.
        if (value !== undefined) seen.add(String(value));
        return context;
      },
    };
    propagation.setGlobalPropagator(propagator);
    try {
      await using memory = await open('memory');
      await using gateway = await open('gateway');
      await using orchestrator = await open('orchestrator');
      await memory.serve([pong]);
      await gateway.call(ping, {});
      await seen.until(1);
      await orchestrator.work(turns, { concurrency: 1 }, async () => undefined);
      await memory.enqueue(turns, { turnId: 't' }, freshId());
      await seen.until(2);
      await gateway.follow(async () => undefined);
      await orchestrator.publish(delta, deltaOf('c', 0));
      const all = await seen.until(3);
      assert.deepEqual([...new Set(all)], ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01']);
    } finally {
      propagation.disable();
    }
  });
});

test('a service that starts before the streams are made waits for them; making them twice changes nothing', { timeout: 60_000 }, async () => {
  const nats = await startNats({ provision: false });
  try {
    const options = { servers: nats.url, logger: silentLogger(), connectDeadlineMs: 5_000 };
    await using orchestrator = await connectNats({ ...options, service: 'orchestrator', nkeySeed: nats.seeds.orchestrator });
    await using memory = await connectNats({ ...options, service: 'memory', nkeySeed: nats.seeds.memory });
    const worked = collector<string>();
    const working = orchestrator.work(turns, { concurrency: 1 }, async ({ turnId }) => worked.add(turnId));
    const queued = memory.enqueue(turns, { turnId: 'early' }, freshId());
    await sleep(200);
    await using init = await nats.connect('init');
    await provisionStreams(init);
    await queued;
    await working;
    await provisionStreams(init);
    assert.deepEqual(await worked.until(1), ['early']);
  } finally {
    await nats.close();
  }
});
