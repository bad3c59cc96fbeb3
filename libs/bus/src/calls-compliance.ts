import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide } from '@megabot/contracts/endpoints/interlock.ts';
import { conversationsGet, ping, recall, turnClaim } from '@megabot/contracts/endpoints/memory.ts';
import { ping as orchestratorPing } from '@megabot/contracts/endpoints/orchestrator.ts';
import { ping as sandboxPing } from '@megabot/contracts/endpoints/sandbox.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { AbortError } from '@megabot/lifecycle/backoff.ts';
import { collector, deferred, emptyRecall, recordingLogger, untilAborted, type BusHarness } from './samples-for-compliance.ts';
import { handle } from './port.ts';

const decision = { approvalId: 'abcdef', decision: 'approve', actor: { principal: 'owner', trust: 'owner', channel: 'http' } } as const;

/** The promises of calls, whatever carries them. */
export function testCalls(harness: () => BusHarness): void {
  test('a call brings the reply of its handler, which knows who really called', async () => {
    await using memory = await harness().open('memory');
    await using gateway = await harness().open('gateway');
    await using orchestrator = await harness().open('orchestrator');
    const callers: string[] = [];
    const item = { id: 'm1', externalId: null, text: 'found', score: 1, why: 'words' };
    await memory.serve([
      handle(recall, async ({ query }, { caller }) => {
        callers.push(caller);
        return { ...emptyRecall, items: [{ ...item, text: `${item.text} ${query}` }] };
      }),
    ]);
    assert.deepEqual(await gateway.call(recall, { query: 'tea' }), { mode: 'text', items: [{ ...item, text: 'found tea' }] });
    await orchestrator.call(recall, { query: 'tea' });
    assert.deepEqual(callers, ['gateway', 'orchestrator']);
  });

  test('what the schema fills in reaches the handler, and what it does not know reaches neither side', async () => {
    await using memory = await harness().open('memory');
    await using gateway = await harness().open('gateway');
    const requests: unknown[] = [];
    await memory.serve([
      handle(recall, async (request) => {
        requests.push(request);
        return { ...emptyRecall, secret: 'of the handler' };
      }),
    ]);
    const reply = await gateway.call(recall, { query: 'x', surplus: true } as { query: string });
    assert.deepEqual(requests, [{ query: 'x', k: 10, space: 'default' }]);
    assert.deepEqual(reply, emptyRecall);
  });

  test('an error crosses with its code, message, hint and details, and nothing else', async () => {
    await using interlock = await harness().open('interlock');
    await using gateway = await harness().open('gateway');
    await interlock.serve([
      handle(decide, async () => {
        throw new ServiceError('approval_ambiguous', 'two approvals begin with abcdef', { hint: 'type more of it', details: { candidates: ['abcdef1', 'abcdef2'] }, cause: new Error('inner secret') });
      }),
    ]);
    await assert.rejects(gateway.call(decide, decision), (error: ServiceError) => {
      assert.ok(error instanceof ServiceError);
      assert.equal(error.code, 'approval_ambiguous');
      assert.equal(error.message, 'two approvals begin with abcdef');
      assert.equal(error.hint, 'type more of it');
      assert.deepEqual(error.details, { candidates: ['abcdef1', 'abcdef2'] });
      assert.equal(error.cause, undefined);
      return true;
    });
  });

  test('a failure without a code becomes `internal`; its message stays in the log of who failed', async () => {
    const { logger, errors } = recordingLogger();
    await using memory = await harness().open('memory', logger);
    await using gateway = await harness().open('gateway');
    await memory.serve([
      handle(ping, async () => {
        throw new TypeError('password hunter2 is wrong');
      }),
    ]);
    await assert.rejects(gateway.call(ping, {}), (error: ServiceError) => {
      assert.equal(error.code, 'internal');
      assert.doesNotMatch(`${error.message} ${error.hint ?? ''} ${JSON.stringify(error.details ?? {})}`, /hunter2|TypeError/);
      return true;
    });
    assert.equal(errors.length, 1);
  });

  test('a request that does not fit is refused before the handler, naming the fields', async () => {
    await using interlock = await harness().open('interlock');
    await using gateway = await harness().open('gateway');
    let handled = 0;
    await interlock.serve([handle(decide, async () => {
      handled++;
      throw new Error('not reached');
    })]);
    await assert.rejects(gateway.call(decide, { ...decision, approvalId: '???', actor: { ...decision.actor, trust: 'all' as never } }), (error: ServiceError) => {
      assert.equal(error.code, 'bad_request');
      assert.match(error.message, /approvalId/);
      assert.match(error.message, /actor\.trust/);
      assert.doesNotMatch(error.message, /\?\?\?/);
      return true;
    });
    assert.equal(handled, 0);
  });

  test('a reply that does not fit is refused, and said in the log of who made it', async () => {
    const { logger, errors } = recordingLogger();
    await using memory = await harness().open('memory', logger);
    await using gateway = await harness().open('gateway');
    await memory.serve([handle(ping, async () => ({ ok: 'yes' as never, detail: 'x' }))]);
    await assert.rejects(gateway.call(ping, {}), (error: ServiceError) => error.code === 'bad_reply' && /ok/.test(error.message));
    assert.equal(errors.length, 1);
  });

  test('no object is shared: what one side changes later, the other does not see', async () => {
    await using memory = await harness().open('memory');
    await using gateway = await harness().open('gateway');
    const kept: { ok: boolean; detail: string } = { ok: true, detail: 'as sent' };
    await memory.serve([handle(ping, async () => kept)]);
    const first = await gateway.call(ping, {});
    kept.detail = 'changed';
    first.ok = false;
    assert.equal(first.detail, 'as sent');
    assert.equal(kept.ok, true);
  });

  test('replicas of a service share its calls', async () => {
    await using gateway = await harness().open('gateway');
    const served: number[] = [0, 0];
    await using one = await harness().open('memory');
    await using two = await harness().open('memory');
    for (const [index, replica] of [one, two].entries()) {
      await replica.serve([
        handle(ping, async () => {
          served[index] = (served[index] ?? 0) + 1;
          return { ok: true, detail: '' };
        }),
      ]);
    }
    await Promise.all(Array.from({ length: 60 }, () => gateway.call(ping, {})));
    assert.equal((served[0] ?? 0) + (served[1] ?? 0), 60);
    assert.ok(served.every((count) => count > 0), `shared as ${served.join(' and ')}`);
  });

  test('a call that takes too long is a `timeout`, and its handler is told to stop', async () => {
    await using memory = await harness().open('memory');
    await using gateway = await harness().open('gateway');
    const aborted = deferred();
    await memory.serve([
      handle(ping, async (_, { signal }) => {
        await untilAborted(signal).catch(() => undefined);
        aborted.resolve();
        throw new Error('too late to matter');
      }),
    ]);
    await assert.rejects(gateway.call(ping, {}, { timeoutMs: 60 }), { code: 'timeout' });
    await aborted.promise;
  });

  test('a call that nobody serves is `no_responders` at once', async () => {
    await using gateway = await harness().open('gateway');
    await assert.rejects(gateway.call(sandboxPing, {}, { timeoutMs: 30_000 }), { code: 'no_responders' });
  });

  test('a caller that no longer waits gets an AbortError, which is no failure of the bus', async () => {
    await using memory = await harness().open('memory');
    await using gateway = await harness().open('gateway');
    const begun = deferred();
    await memory.serve([
      handle(ping, async (_, { signal }) => {
        begun.resolve();
        return await untilAborted(signal);
      }),
    ]);
    const controller = new AbortController();
    const call = gateway.call(ping, {}, { signal: controller.signal, timeoutMs: 300 });
    await begun.promise;
    controller.abort();
    await assert.rejects(call, AbortError);
    await assert.rejects(gateway.call(ping, {}, { signal: controller.signal }), AbortError);
  });

  test('a message beyond the limit is `too_large` before it is sent', async () => {
    await using gateway = await harness().open('gateway');
    await assert.rejects(gateway.call(conversationsGet, { id: 'x'.repeat(9 * 1024 * 1024) }), { code: 'too_large' });
  });

  test('a service may serve only its own endpoints and call only those that name it', async () => {
    await using gateway = await harness().open('gateway');
    await using sandbox = await harness().open('sandbox');
    await assert.rejects(gateway.call(turnClaim, { turnId: 't', replica: 'r' }), { code: 'forbidden' });
    await assert.rejects(sandbox.call(decide, decision), { code: 'forbidden' });
    await assert.rejects(gateway.serve([handle(ping, async () => ({ ok: true, detail: '' }))]), { code: 'forbidden' });
    const forged = { ...turnClaim, callers: ['gateway'] as const };
    await assert.rejects(gateway.call(forged, { turnId: 't', replica: 'r' }), { code: 'forbidden' }, 'an endpoint that is not the one of the table grants nothing');
  });

  test('a shutdown takes nothing new, and what is in hand still gets its reply', async () => {
    const memory = await harness().open('memory');
    await using other = await harness().open('memory');
    await using gateway = await harness().open('gateway');
    const begun = collector<number>();
    const release = deferred();
    const answerFrom = (replica: string) =>
      handle(ping, async () => {
        begun.add(1);
        await release.promise;
        return { ok: true, detail: replica };
      });
    await memory.serve([answerFrom('closing')]);
    const calls = Array.from({ length: 5 }, () => gateway.call(ping, {}));
    await begun.until(5);
    const closing = memory.close();
    await other.serve([handle(ping, async () => ({ ok: true, detail: 'other' }))]);
    release.resolve();
    assert.deepEqual((await Promise.all(calls)).map(({ detail }) => detail), Array.from({ length: 5 }, () => 'closing'));
    await closing;
    assert.equal((await gateway.call(ping, {})).detail, 'other');
  });

  test('a handler in hand may still call others while its own service closes', async () => {
    const orchestrator = await harness().open('orchestrator');
    await using memory = await harness().open('memory');
    await using gateway = await harness().open('gateway');
    await memory.serve([handle(recall, async () => emptyRecall)]);
    const begun = deferred();
    const release = deferred();
    await orchestrator.serve([
      handle(orchestratorPing, async () => {
        begun.resolve();
        await release.promise;
        const { mode } = await orchestrator.call(recall, { query: 'x' });
        return { ok: true, detail: mode, model: { configured: false, reachable: false, name: null, address: null, detail: '' } };
      }),
    ]);
    const call = gateway.call(orchestratorPing, {});
    await begun.promise;
    const closing = orchestrator.close();
    release.resolve();
    assert.equal((await call).detail, 'text');
    await closing;
  });

  test('a closed bus says `disconnected`, at once', async () => {
    const gateway = await harness().open('gateway');
    await gateway.close();
    await gateway.close();
    assert.equal(gateway.connected, false);
    await assert.rejects(gateway.call(ping, {}), { code: 'disconnected' });
  });
}
