import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { uniqueWord } from '@megabot/testing/native-client.ts';
import type { Stack, StackService } from '@megabot/testing/stack.ts';
import { http, messagesOf, newConversation, openTalk, runOf } from './talk.ts';
import { openTenacious } from './tenacious-client.ts';

const run = promisify(execFile);

/** SIGKILL to one service after another: nothing acknowledged is lost, nothing runs twice, and the conversation goes on. */
export function kills(stack: () => Stack, counts: 'reduced' | 'full'): void {
  const rounds = counts === 'full' ? 3 : 1;
  const perRound = counts === 'full' ? 10 : 5;
  const words = Array.from({ length: rounds }, (_, index) => `round ${index + 1}`);

  suite('SIGKILL', () => {
    for (const round of words) {
      test(`to the orchestrator while an approval is pending: approved, it runs once and the answer arrives (${round})`, async () => {
        const talk = await openTalk(stack());
        const turnId = await talk.say('RUN: echo x >> n; wc -l < n');
        const [approval] = await talk.approvals(turnId);
        await stack().kill('orchestrator');
        talk.decide(approval!.id, 'approve');
        const final = await talk.final(turnId);
        assert.match(final.text, /exit code 0/);
        assert.equal(talk.printed(turnId).trim(), '1');
        assert.equal(talk.runIds(turnId).length, 1);
        await stack().waitHealthy('orchestrator');
        const counted = await talk.approved('!run wc -l < n');
        assert.match(counted.text, /^1$/m);
        await talk.close();
      });
    }

    test('to the orchestrator in the middle of a streamed answer: the turn is taken up again and answered once', async () => {
      const talk = await openTalk(stack());
      const turnId = await talk.say('SLOW: 4000');
      await talk.client.next((frame) => frame.type === 'delta' && frame.turnId === turnId);
      await stack().kill('orchestrator');
      const final = await talk.final(turnId);
      assert.match(final.text, /slow 10 of 10/);
      const attempts = talk.client.seen.filter((frame) => frame.type === 'delta').filter((frame) => frame.turnId === turnId).map((frame) => frame.attempt);
      assert.ok(Math.max(...attempts) > Math.min(...attempts), 'a later attempt replaces the text');
      assert.equal((await messagesOf(stack(), talk.conversation)).length, 2);
      await stack().waitHealthy('orchestrator');
      await talk.close();
    });

    test('to the sandbox during a run: the run is reported as interrupted, and never repeated', async () => {
      const talk = await openTalk(stack());
      const turnId = await talk.say('!run echo begun; sleep 30; echo ended');
      const [approval] = await talk.approvals(turnId);
      talk.decide(approval!.id, 'approve');
      await talk.client.next((frame) => frame.type === 'run' && frame.turnId === turnId && frame.chunk.includes('begun'));
      const sandboxes = async (): Promise<string[]> => {
        const { stdout } = await run('docker', ['ps', '--all', '--quiet', '--filter', `label=megabot.project=${stack().project}`]);
        return stdout.split('\n').filter((id) => id !== '');
      };
      const duringRun = await sandboxes();
      assert.notEqual(duringRun.length, 0);
      await stack().kill('sandbox');
      const final = await talk.final(turnId, 90_000);
      assert.match(final.text, /interrupted and not repeated/);
      const [runId] = talk.runIds(turnId);
      const ended = await runOf(stack(), runId!);
      assert.equal(ended.status, 'interrupted');
      await stack().waitHealthy('sandbox');
      await sleep(3_000);
      const left = await sandboxes();
      assert.deepEqual(left.filter((id) => duringRun.includes(id)), [], 'no container from before the kill is left');
      assert.equal((await runOf(stack(), runId!)).status, 'interrupted');
      assert.deepEqual(talk.runIds(turnId), [runId]);
      assert.equal(talk.runStates(turnId).filter((status) => status === 'running').length, 1);
      assert.match((await talk.approved('!run echo the next one runs')).text, /the next one runs/);
      await talk.close();
    });

    const midConversation: readonly StackService[] = ['gateway', 'memory', 'interlock', 'orchestrator', 'nats', 'postgres'];
    for (const service of midConversation) {
      for (const round of words) {
        test(`to ${service} mid-conversation: every acknowledged message is there, each is answered once, and it goes on (${round})`, async () => {
          const conversation = await newConversation(stack());
          const client = await openTenacious(stack());
          const word = uniqueWord();
          const texts = Array.from({ length: perRound }, (_, index) => `${word} ${index}`);
          const said: Promise<string>[] = [];
          let killed: Promise<void> | undefined;
          for (const [index, text] of texts.entries()) {
            said.push(client.say(text, conversation));
            await sleep(40);
            if (index === 2) killed = stack().kill(service);
          }
          await killed;
          const turns = await Promise.all(said);
          const finals = () => client.events.filter((frame) => frame.type === 'final').filter((frame) => turns.includes(frame.turnId));
          await client.until(`every message is answered after ${service} was killed`, () => new Set(finals().map((frame) => frame.turnId)).size === turns.length, 90_000);
          await stack().waitHealthy(service);

          assert.equal(new Set(turns).size, turns.length);
          assert.deepEqual(finals().map((frame) => frame.text).sort((a, b) => a.localeCompare(b)), texts.map((text) => `echo: ${text}`));
          const seqs = client.events.map((frame) => frame.seq);
          assert.deepEqual(seqs, [...new Set(seqs)].sort((a, b) => a - b), 'events came in order and once');
          const stored = await messagesOf(stack(), conversation);
          assert.deepEqual(stored.filter((message) => message.role === 'user').map((message) => message.text).sort((a, b) => a.localeCompare(b)), texts);
          assert.equal(stored.filter((message) => message.role === 'assistant').length, texts.length);
          if (service === 'gateway') assert.ok(client.connections > 1);

          const next = await client.say(`${word} and on`, conversation);
          await client.until('the conversation goes on', () => client.events.some((frame) => frame.type === 'final' && frame.turnId === next));
          await client.close();
        });
      }
    }

    test('to interlock right after an approval: the decision stands and the command runs once', async () => {
      const talk = await openTalk(stack());
      const turnId = await talk.say('!run echo x >> m; wc -l < m');
      const [approval] = await talk.approvals(turnId);
      const { status } = await http(stack(), 'POST', `/api/v1/approvals/${approval!.id}`, { decision: 'approve' });
      assert.equal(status, 200);
      await stack().kill('interlock');
      const final = await talk.final(turnId, 90_000);
      assert.match(final.text, /exit code 0|interrupted and not repeated/);
      await stack().waitHealthy('interlock');
      const counted = await talk.approved('!run cat m | wc -l');
      assert.match(counted.text, /exit code 0/.test(final.text) ? /^1$/m : /^0$/m);
      assert.equal((await http(stack(), 'POST', '/api/v1/audit/verify', {})).body['ok'], true);
      await talk.close();
    });
  });
}
