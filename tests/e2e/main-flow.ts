import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { uniqueWord } from '@megabot/testing/native-client.ts';
import { http, openTalk, pendingApprovals, runOf, type Doors, type Talk } from './talk.ts';

/** A message, a proposed command, an approval, a run, an answer; and everything else that chat can do. */
export function mainFlow(doors: () => Doors, options: { simulated: boolean }): void {
  suite('the main flow over the encrypted native socket', () => {
    let talk: Talk;
    before(async () => {
      talk = await openTalk(doors());
    });
    after(async () => await talk.close());

    test('a message without tools is answered, streamed first', async () => {
      const turnId = await talk.say('hello there');
      const final = await talk.final(turnId);
      assert.equal(final.text, 'echo: hello there');
      const streamed = talk.client.seen.filter((frame) => frame.type === 'delta').filter((frame) => frame.turnId === turnId);
      assert.equal(streamed.map((frame) => frame.text).join(''), final.text);
    });

    test('a command that the model proposes waits for approval, runs once approved, and its output reaches person and model', async () => {
      const word = uniqueWord();
      const turnId = await talk.say(`please RUN: echo ${word}; pwd`);
      const [approval] = await talk.approvals(turnId);
      assert.ok(approval);
      assert.equal(approval.command, `echo ${word}; pwd`);
      assert.equal(approval.conversation, talk.conversation);
      assert.ok(approval.reasons.length > 0 && approval.expiresAt > Date.now() && approval.id.startsWith(approval.shortId));
      assert.deepEqual(talk.runStates(turnId), []);
      talk.decide(approval.id, 'approve');
      const final = await talk.final(turnId);
      assert.equal(final.status, 'done');
      assert.match(final.text, /^tool said: exit code 0/);
      assert.ok(final.text.includes(word));
      assert.ok(talk.printed(turnId).startsWith(`${word}\n`), `printed ${talk.printed(turnId)}`);
      assert.equal(talk.runIds(turnId).length, 1);
      const run = await runOf(doors(), talk.runIds(turnId)[0]!);
      assert.deepEqual([run.status, run.exitCode, /simulated/.test(run.driver ?? '')], ['exited', 0, options.simulated]);
      const decided = talk.client.seen.filter((frame) => frame.type === 'decided').find((frame) => frame.approvalId === approval.id);
      assert.deepEqual([decided?.status, decided?.by], ['approved', 'owner']);
    });

    test('a rejected command does not run, and the model is told why', async () => {
      const turnId = await talk.say('RUN: echo never');
      const [approval] = await talk.approvals(turnId);
      talk.decide(approval!.id, 'reject', 'not on a Monday');
      const final = await talk.final(turnId);
      assert.match(final.text, /Rejected by owner; not done.*not on a Monday/s);
      assert.deepEqual(talk.runIds(turnId), []);
    });

    test('two commands in one reply are asked for apart, and each gets its own answer', async () => {
      const turnId = await talk.say('TWO: echo first-one;;echo second-one');
      const [one, two] = await talk.approvals(turnId, 2);
      assert.notEqual(one!.id, two!.id);
      talk.decide(one!.id, 'approve');
      talk.decide(two!.id, 'reject');
      const final = await talk.final(turnId);
      assert.match(final.text, /first-one/);
      assert.match(final.text, /Rejected by owner/);
      assert.equal(talk.runIds(turnId).length, 1);
    });

    test('the workspace of a conversation lasts from run to run, and belongs to it alone', async () => {
      const word = uniqueWord();
      await talk.approved(`!run echo ${word} > note.txt`);
      assert.ok((await talk.approved('!run cat note.txt')).text.includes(word));
      const other = await openTalk(doors());
      assert.match((await other.approved('!run cat note.txt')).text, /No such file/);
      await other.close();
    });

    test('a file that the model writes is shown whole, and is in the workspace once approved', async () => {
      const word = uniqueWord();
      const turnId = await talk.say(`FILE: notes/today.md=# ${word}`);
      const [approval] = await talk.approvals(turnId);
      assert.equal(approval!.kind, 'file_write');
      assert.ok(approval!.command.includes('notes/today.md') && approval!.command.includes(word));
      talk.decide(approval!.id, 'approve');
      await talk.final(turnId);
      assert.ok((await talk.approved('!run cat notes/today.md')).text.includes(word));
    });

    test('what the model is told to remember is found again by its words', async () => {
      const word = uniqueWord();
      await talk.ask(`REMEMBER: the cat is called ${word}`);
      assert.ok((await talk.ask(`RECALL: ${word}`)).text.includes(`the cat is called ${word}`));
    });

    test('the same message sent twice is one message and one turn', async () => {
      const id = crypto.randomUUID();
      const frame = { type: 'message', id, conversation: talk.conversation, text: 'only once' } as const;
      talk.client.send(frame);
      talk.client.send(frame);
      const accepted = () => talk.client.seen.filter((seen) => seen.type === 'accepted').filter((seen) => seen.id === id);
      await talk.client.next(() => accepted().length === 2);
      assert.equal(accepted()[0]?.turnId, accepted()[1]?.turnId);
      await talk.final(accepted()[0]!.turnId);
    });

    test('unknown, and already decided: two different answers', async () => {
      talk.decide('zzzzzzzz', 'approve');
      await talk.client.next((frame) => frame.type === 'error' && frame.code === 'approval_unknown' && frame.ref === 'zzzzzzzz');
      const turnId = await talk.say('!run echo once');
      const [approval] = await talk.approvals(turnId);
      talk.decide(approval!.id, 'approve');
      await talk.final(turnId);
      talk.decide(approval!.id, 'reject');
      await talk.client.next((frame) => frame.type === 'error' && frame.code === 'approval_decided');
      assert.equal((await runOf(doors(), talk.runIds(turnId)[0]!)).status, 'exited');
    });

    test('a cancelled turn runs nothing any more and ends as cancelled', async () => {
      const turnId = await talk.say('RUN: echo cancelled');
      const [approval] = await talk.approvals(turnId);
      talk.client.send({ type: 'cancel', turnId });
      assert.equal((await talk.final(turnId)).status, 'cancelled');
      talk.decide(approval!.id, 'approve');
      await talk.client.next((frame) => frame.type === 'error' && frame.ref === approval!.id);
      assert.deepEqual(talk.runIds(turnId), []);
    });
  });

  suite('stopping', () => {
    let talk: Talk;
    before(async () => {
      talk = await openTalk(doors());
    });
    after(async () => await talk.close());

    /** A run that goes on for long enough to be stopped. */
    const longRun = async (): Promise<{ turnId: string; runId: string }> => {
      const turnId = await talk.say('!run sleep 60');
      const [approval] = await talk.approvals(turnId);
      talk.decide(approval!.id, 'approve');
      await talk.client.next((frame) => frame.type === 'run' && frame.turnId === turnId && frame.chunk.startsWith('running'));
      return { turnId, runId: talk.runIds(turnId)[0]! };
    };

    test('a cancelled turn ends its run too', async () => {
      const { turnId, runId } = await longRun();
      talk.client.send({ type: 'cancel', turnId });
      assert.equal((await talk.final(turnId)).status, 'cancelled');
      await talk.client.next((frame) => frame.type === 'run' && frame.runId === runId && frame.chunk.startsWith('cancelled'));
      assert.equal((await runOf(doors(), runId)).status, 'cancelled');
    });

    test('!deny * stops everything at once, until the owner enters the token again', async () => {
      const waiting = await talk.say('RUN: echo waiting');
      const [approval] = await talk.approvals(waiting);
      const other = await openTalk(doors());
      const { turnId, runId } = await longRun();
      assert.match((await other.ask('!deny *')).text, /^Lockdown/);
      try {
        assert.match((await talk.final(turnId)).text, /stopped by the lockdown/);
        assert.equal((await runOf(doors(), runId)).status, 'killed_by_lockdown');
        talk.decide(approval!.id, 'approve');
        await talk.client.next((frame) => frame.type === 'error' && frame.ref === approval!.id);
        assert.match((await other.ask('!run echo still')).text, /^Denied/);
        assert.match((await other.ask('!unlock')).text, /not lifted from chat/);
        assert.equal((await http(doors(), 'POST', '/api/v1/unlock', { token: 'not-the-token-of-this-megabot' })).status, 401);
      } finally {
        assert.equal((await http(doors(), 'POST', '/api/v1/unlock', { token: doors().token })).status, 200);
      }
      assert.match((await other.approved('!run echo again')).text, /again/);
      assert.deepEqual(talk.runIds(waiting), []);
      await other.close();
    });
  });

  suite('chat commands', () => {
    let talk: Talk;
    before(async () => {
      talk = await openTalk(doors());
    });
    after(async () => await talk.close());

    test('!run asks, !approve with a short id lets it run, and the answer holds the output', async () => {
      const turnId = await talk.say('!run echo by-chat');
      const [approval] = await talk.approvals(turnId);
      assert.match((await talk.ask(`!approve ${approval!.shortId}`)).text, /^Approved .*echo by-chat/s);
      const final = await talk.final(turnId);
      assert.match(final.text, /exit code 0/);
      assert.match(final.text, /by-chat/);
    });

    test('!approve alone lists what waits and decides nothing', async () => {
      const turnId = await talk.say('!run echo waiting');
      const [approval] = await talk.approvals(turnId);
      const listed = await talk.ask('!approve');
      assert.ok(listed.text.includes(approval!.shortId) && listed.text.includes('echo waiting'));
      assert.ok((await pendingApprovals(doors())).some((pending) => pending.id === approval!.id));
      await talk.ask(`!reject ${approval!.shortId} it was only a question`);
      assert.match((await talk.final(turnId)).text, /Rejected by owner.*it was only a question/s);
    });

    test('!approve of something unknown says so', async () => {
      assert.match((await talk.ask('!approve zzzzzzzz')).text, /zzzzzzzz/);
    });

    test('!allow lets commands that begin so run without asking; anything more on the line asks still', async () => {
      const word = uniqueWord();
      assert.match((await talk.ask(`!allow echo ${word}`)).text, /now on the allow list/);
      const turnId = await talk.say(`!run echo ${word} and more`);
      assert.match((await talk.final(turnId)).text, new RegExp(`${word} and more`));
      for (const beyond of [`echo ${word}; id`, `echo ${word} $(id)`, `echo ${word} > file`, `echo ${word} | cat`, `echo ${word} && id`]) {
        const asking = await talk.say(`!run ${beyond}`);
        const [approval] = await talk.approvals(asking);
        talk.decide(approval!.id, 'reject');
        await talk.final(asking);
      }
    });

    test('!deny forbids, also what is allowed and what hides in a longer line', async () => {
      const word = uniqueWord();
      await talk.ask(`!allow printf ${word}`);
      await talk.ask(`!deny printf ${word} secret`);
      for (const line of [`printf ${word} secret`, `true && printf ${word} secret`, `echo $(printf ${word} secret)`]) {
        const turnId = await talk.say(`!run ${line}`);
        assert.match((await talk.final(turnId)).text, /^Denied/);
        assert.deepEqual(talk.runIds(turnId), []);
      }
      const model = await talk.ask(`RUN: printf ${word} secret`);
      assert.match(model.text, /Denied by the policy/);
      const shown = (await talk.ask('!policies')).text;
      assert.ok(shown.includes(`printf ${word} secret`) && shown.includes(`printf ${word}`));
    });

    test('in mode plan the model proposes nothing; !mode says and changes it', async () => {
      assert.match((await talk.ask('!mode')).text, /mode `ask`/);
      await talk.ask('!mode plan');
      const turnId = await talk.say('RUN: echo planned');
      assert.match((await talk.final(turnId)).text, /plan mode/);
      assert.ok(!talk.client.seen.some((frame) => frame.type === 'approval' && frame.approval.turnId === turnId));
      assert.match((await talk.ask('!mode ask')).text, /now in mode `ask`/);
      assert.match((await talk.ask('!mode sideways')).text, /no such mode/i);
    });

    test('in mode build the files of one reply are approved together', async () => {
      const { body } = await http(doors(), 'PATCH', `/api/v1/conversations/${talk.conversation}`, { mode: 'build' });
      assert.equal(body['mode'], 'build');
      const turnId = await talk.say('FILE: one.txt=1');
      const [approval] = await talk.approvals(turnId);
      talk.decide(approval!.id, 'approve');
      assert.equal((await talk.final(turnId)).status, 'done');
      await talk.ask('!mode ask');
    });

    test('!help lists the commands, and an unknown one is answered without the model', async () => {
      const { text } = await talk.ask('!help');
      for (const name of ['!run', '!approve', '!reject', '!allow', '!deny', '!policies', '!mode', '!help']) assert.ok(text.includes(name), name);
      assert.match((await talk.ask('!launch rockets')).text, /no command `!launch`/);
    });
  });

  suite('a model that behaves badly', () => {
    let talk: Talk;
    before(async () => {
      talk = await openTalk(doors());
    });
    after(async () => await talk.close());

    const cases: readonly { says: string; directive: string; answer: RegExp; status: 'done' | 'failed' }[] = [
      { says: 'with arguments that are no JSON is told so', directive: 'BAD: broken', answer: /Not done: the arguments of shell are no JSON/, status: 'done' },
      { says: 'that calls a tool which does not exist is told which there are', directive: 'UNKNOWNTOOL: x', answer: /no tool "no_such_tool".*shell/s, status: 'done' },
      { says: 'that answers with an error 500', directive: 'FAIL: 500', answer: /model/i, status: 'failed' },
      { says: 'that refuses with 401', directive: 'FAIL: 401', answer: /model/i, status: 'failed' },
      { says: 'that breaks off in the middle of its answer', directive: 'CUT: now', answer: /model/i, status: 'failed' },
      { says: 'that hangs', directive: 'HANG:', answer: /model/i, status: 'failed' },
    ];
    for (const { says, directive, answer, status } of cases) {
      test(`${says}: the person gets a sensible answer`, async () => {
        const final = await talk.ask(directive, 60_000);
        assert.equal(final.status, status, final.text);
        assert.match(final.text, answer);
      });
    }

    test('does not keep the next message from being answered', async () => {
      assert.equal((await talk.ask('and now')).text, 'echo: and now');
    });
  });
}
