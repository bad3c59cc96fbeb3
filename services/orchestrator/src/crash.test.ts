import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { silentLogger } from '@megabot/observability/logger.ts';
import { serveInterlock } from './testing/fake-interlock.ts';
import { callsThenReports, startOrchestrator, toolCall, until, type Harness } from './testing/harness.ts';

/** Counts the points at which a replica may die, and lets it die at one of them, once. */
function dieAt(o: Harness, point: number): { readonly points: number; readonly where: string } {
  const seen = { points: 0, where: '' };
  o.fault.current = (call, phase) => {
    const here = seen.points;
    seen.points += 1;
    if (here !== point) return false;
    seen.where = `${phase} ${call}`;
    return true;
  };
  return seen;
}

describe('a replica that dies', () => {
  let o: Harness;
  afterEach(async () => await o.close());

  /** Each plays a whole turn in which the replica dies at one point, and says where; '' once the point lies behind the end. */
  const scenarios: [string, (point: number) => Promise<string>][] = [];
  scenarios.push([
    'a chat turn with two commands',
    async (point) => {
      o = await startOrchestrator();
      const seen = dieAt(o, point);
      o.interlock.judges((action) => (action.kind === 'shell' && action.command === 'one' ? 'allow' : 'ask'));
      o.says(callsThenReports(toolCall('shell', { command: 'one' }), toolCall('shell', { command: 'two' }), toolCall('remember', { text: 'fact' })));
      const turnId = await o.memory.send('go');
      for (const [key, output] of [[`${turnId}:0:0`, 'ONE'], [`${turnId}:0:1`, 'TWO']] as const) {
        await until(() => o.interlock.actions.has(key), `${key} submitted`);
        await o.waiting(turnId);
        await o.interlock.ran(key, { output });
        await until(() => o.memory.state(turnId).status !== 'queued' && o.memory.state(turnId).status !== 'running', 'the turn has moved on');
      }
      const { status, text } = await o.ended(turnId);
      assert.equal(status, 'done', seen.where);
      assert.match(text, /ONE.*TWO/s, seen.where);
      assert.deepEqual(o.interlock.executions.toSorted(), [`${turnId}:0:0`, `${turnId}:0:1`], `each ran once: ${seen.where}`);
      assert.equal(o.memory.remembered.size, 1, seen.where);
      // A saved reply is never asked for again: only one that was lost before it was saved, or before the answer was stored.
      const asked = o.requests.length;
      const lost = seen.where === 'before checkpoint running' || seen.where === 'before finish';
      assert.equal(asked, lost ? 3 : 2, `${asked} requests: ${seen.where}`);
      return seen.where;
    },
  ]);
  scenarios.push([
    'a !run turn',
    async (point) => {
      o = await startOrchestrator();
      const seen = dieAt(o, point);
      const turnId = await o.memory.send('!run one', { kind: 'run', command: 'one' });
      await o.waiting(turnId);
      await o.interlock.ran(`${turnId}:0:0`, { output: 'ONE' });
      const { text } = await o.ended(turnId);
      assert.match(text, /ONE/, seen.where);
      assert.deepEqual(o.interlock.executions, [`${turnId}:0:0`], seen.where);
      return seen.where;
    },
  ]);

  for (const [name, play] of scenarios) {
    it(`at any point of ${name} is replaced: nothing runs twice, and the answer comes`, async () => {
      const places = new Set<string>();
      for (let point = 0; ; point += 1) {
        const where = await play(point);
        if (where === '') break;
        places.add(where);
        await o.close();
      }
      for (const expected of ['before submit', 'after submit', 'before checkpoint waiting', 'after checkpoint waiting', 'before status', 'after status', 'before finish', 'after finish']) {
        assert.ok(places.has(expected), `never died ${expected}; only ${[...places].join(', ')}`);
      }
    });
  }

  it('or loses its lease stops asking the model, and stores nothing', async () => {
    o = await startOrchestrator();
    let aborted = false;
    o.says(async (request) => {
      request.onText('working on it');
      await new Promise<void>((resolve) => request.signal.addEventListener('abort', () => resolve()));
      aborted = true;
      throw new Error('aborted');
    });
    const turnId = await o.memory.send('go');
    await until(() => o.requests.length === 1, 'the request');
    o.memory.cancel(turnId);
    await until(() => aborted, 'the abort');
    assert.equal(o.memory.state(turnId).answer, undefined);
  });
});

describe('neighbours that are away for a moment', () => {
  let o: Harness;
  afterEach(async () => await o.close());

  it('are waited for: the interlock comes back, and the turn goes on', async () => {
    o = await startOrchestrator();
    o.says(callsThenReports(toolCall('shell', { command: 'one' })));
    await o.interlock.stop();
    const turnId = await o.memory.send('go');
    await until(() => o.requests.length === 1, 'the reply');
    const back = await serveInterlock(o.hub.bus('interlock', { logger: silentLogger() }), o.memory);
    await o.waiting(turnId);
    await back.ran(`${turnId}:0:0`, { output: 'ONE' });
    assert.match((await o.ended(turnId)).text, /ONE/);
    assert.equal(o.requests.length, 2);
  });
});
