import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { executors, type Action, type ActionKind } from '@megabot/contracts/action.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { eventually, folderMark, owner, startInterlock } from '../testing/harness.ts';

const code = (wanted: string) => (error: unknown) => (error as { code?: string }).code === wanted;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const write = (path: string, content: string): Action => ({ kind: 'file_write', files: [{ path, content }] });
const erase: Action = { kind: 'memory_erase', space: 'default', ids: [], session: 'work' };
const config = (key: string, value: never): Action => ({ kind: 'config_change', changes: [{ key, value }] });
type Harness = Awaited<ReturnType<typeof startInterlock>>;
const shown = async (it: Harness, approvalId: string) => await it.call(it.gateway, interlock.approvalsGet, { approvalId });

describe('a change of files', () => {
  test('is shown as a diff and bound to what each file holds before and after', async () => {
    await using it = await startInterlock();
    it.workspace.set('a.txt', 'one\ntwo\n').set('gone.txt', 'x\n');
    const { approvalId } = await it.ask(write('a.txt', 'one\nthree\n'));
    const approval = await shown(it, approvalId);
    assert.equal(approval.diff, '--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n');
    await it.decide(approvalId, 'approve');
    const { plan } = await it.permit<'file_write'>();
    assert.deepEqual(plan.changes, [{ path: 'a.txt', before: sha256('one\ntwo\n'), after: sha256('one\nthree\n') }]);
    const deleting = await it.ask({ kind: 'file_delete', paths: ['gone.txt'] }, { conversation: 'c' });
    assert.equal((await shown(it, deleting.approvalId)).diff, '--- a/gone.txt\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n');
    const moving = await it.ask({ kind: 'file_move', from: 'gone.txt', to: 'new.txt' }, { conversation: 'd' });
    assert.equal((await shown(it, moving.approvalId)).diff, 'rename from gone.txt\nrename to new.txt\n');
  });

  test('that cannot be made is denied at once, and says why', async () => {
    await using it = await startInterlock();
    it.workspace.set('a', 'x').set('b', 'y').set('d', folderMark);
    const cases: [Action, RegExp][] = [
      [{ kind: 'file_delete', paths: ['none'] }, /no file none/],
      [{ kind: 'file_delete', paths: ['d'] }, /d is a folder, a link/],
      [{ kind: 'file_move', from: 'a', to: 'b' }, /a file b already/],
      [{ kind: 'file_move', from: 'a', to: 'a' }, /named twice/],
      [write('d', 'x'), /d is a folder/],
    ];
    for (const [action, says] of cases) {
      const outcome = await it.submit(action);
      assert.equal(outcome.decision, 'deny');
      assert.match(outcome.decision === 'deny' ? outcome.reasons.join() : '', says);
    }
  });

  test('is asked about again with the new difference when its file was changed since, and only then', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    it.workspace.set('a.txt', 'one\n');
    const untouched = await it.ask(write('b.txt', 'new\n'));
    const touched = await it.ask(write('a.txt', 'new\n'));
    await it.submit('ls');
    const run = await it.permit();
    await it.claim(run);
    it.workspace.set('a.txt', 'changed\n');
    await it.report(run, { workspaceRevision: 'another' });
    assert.notEqual((await it.decide(untouched.approvalId, 'approve')).runId, null);
    await assert.rejects(it.decide(touched.approvalId, 'approve'), code('approval_changed'));
    assert.match((await shown(it, touched.approvalId)).diff ?? '', /-changed\n\+new/);
    await it.decide(touched.approvalId, 'approve');
    const first = await it.permit<'file_write'>();
    await it.claim(first);
    await it.report(first);
    assert.deepEqual((await it.permit<'file_write'>()).plan.changes, [{ path: 'a.txt', before: sha256('changed\n'), after: sha256('new\n') }]);
  });

  test('is covered by a rule, runs without asking, and is void when the rule goes', async () => {
    await using it = await startInterlock({ policy: { allow: ['write:src/**'] } });
    const { key, decision } = await it.submit(write('src/a', 'x'));
    assert.equal(decision, 'allow');
    const permit = await it.permit();
    await it.writeFile('policies: {deny: ["write:src"]}\n');
    await assert.rejects(it.claim(permit), code('permit_void'));
    assert.equal((await it.status(key)).run?.status, 'refused');
  });
});

/** One action of each kind that another service than the sandbox executes. */
const elsewhere: { readonly [Kind in Exclude<ActionKind, 'shell' | `file_${string}`>]: Action } = {
  mcp_call: { kind: 'mcp_call', server: 'files', tool: 'read', arguments: { path: 'x' } },
  web_request: { kind: 'web_request', method: 'GET', url: 'https://example.org/', headers: {}, body: null },
  memory_erase: erase,
  bridge_send: { kind: 'bridge_send', platform: 'signal', chat: '+491', text: 'hi' },
  config_change: config('sandbox.wall_seconds', 60 as never),
};

const signal = 'bridges:\n  openclaw:\n    platforms:\n      signal: {}\n';
const everywhere = `local_only: false\n${signal}`;
const ann = { platform: 'signal', account: 'default', kind: 'direct', chat: '+491', title: 'signal: Ann' } as const;

describe('each executor', () => {
  for (const action of Object.values(elsewhere)) {
    if (action.kind === 'config_change') continue;
    test(`${executors[action.kind]} alone may claim and report ${action.kind}, once`, async () => {
      await using it = await startInterlock({ settings: everywhere });
      it.chats.push(ann);
      const { approvalId, key } = await it.ask(action);
      await it.decide(approvalId, 'approve');
      const permit = await it.permit<typeof action.kind>();
      assert.deepEqual([permit.claims.executor, permit.plan.kind], [executors[action.kind], action.kind]);
      for (const other of ['sandbox', 'orchestrator', 'memory', 'gateway', 'interlock'] as const) {
        if (other === executors[action.kind]) continue;
        const { permitId, runId, planHash } = permit.claims;
        const from = it.hub.bus(other, { logger: it.logger });
        await assert.rejects(it.call(from, interlock.claim, { permitId, runId, planHash, nonce: 'nonce-of-sixteen-characters', instance: 'x', workspaceRevision: permit.plan.workspaceRevision }), code('permit_unknown'), other);
      }
      await it.claim(permit);
      await assert.rejects(it.claim(permit, { nonce: 'another-nonce-of-enough-characters' }), code('permit_claimed'));
      const elsewhereBus = it.hub.bus(executors[action.kind] === 'memory' ? 'orchestrator' : 'memory', { logger: it.logger });
      const report = { status: 'exited' as const, exitCode: 0, signal: null, output: 'forged', truncated: false, droppedBytes: 0, driver: 'x', detail: null, workspaceRevision: 'forged', startedAt: 0, endedAt: 0 };
      await assert.rejects(it.call(elsewhereBus, interlock.report, { permitId: permit.claims.permitId, runId: permit.claims.runId, instance: 'sandbox-1', report }), code('permit_unknown'));
      await it.report(permit, { output: 'done', workspaceRevision: 'made up' });
      const { run } = await it.status(key);
      assert.deepEqual([run?.status, run?.output], ['exited', 'done']);
      // Only the sandbox says what the workspace holds.
      const { approvalId: next } = await it.ask('make');
      await it.decide(next, 'approve');
      assert.notEqual((await it.permit()).plan.workspaceRevision, 'made up');
    });
  }

  test('that nobody runs lets the run expire, and says who was missing', async () => {
    await using it = await startInterlock({ settings: signal });
    it.chats.push(ann);
    const { approvalId, key } = await it.ask(elsewhere.bridge_send);
    await it.decide(approvalId, 'approve');
    await it.permit<'bridge_send'>();
    it.advance(301_000);
    await it.sweep();
    const { run } = await it.status(key);
    assert.equal(run?.status, 'expired');
    assert.match(run?.detail ?? '', /gateway/);
  });
});

describe('a web request', () => {
  test('while local_only is on is denied at once and recorded, and nobody is asked', async () => {
    await using it = await startInterlock({ policy: { allow: ['web:example.org'] } });
    const outcome = await it.submit(elsewhere.web_request);
    assert.equal(outcome.decision, 'deny');
    const judged = (await it.audit()).findLast((entry) => entry.event === 'judged');
    assert.deepEqual([judged?.verdict, judged?.subject.kind], ['deny', 'web_request']);
    assert.match(judged?.text ?? '', /GET https:\/\/example\.org\/\nBecause: .*local_only is on/);
    assert.deepEqual((await it.call(it.gateway, interlock.approvalsList, { status: 'pending' })).approvals, []);
  });

  test('that was allowed or approved before local_only was turned on is not made', async () => {
    const off = 'policies: {allow: ["web:example.org"]}\nlocal_only: false\n';
    const on = 'policies: {allow: ["web:example.org"]}\nlocal_only: true\n';
    await using it = await startInterlock({ file: off });
    const { key } = await it.submit(elsewhere.web_request, { conversation: 'one' });
    const permit = await it.permit<'web_request'>();
    const waiting = await it.ask({ ...elsewhere.web_request, url: 'https://other.org/' } as Action, { conversation: 'two' });
    await it.writeFile(on);
    await assert.rejects(it.claim(permit), code('permit_void'));
    assert.match((await it.status(key)).run?.detail ?? '', /local_only is on/);
    assert.deepEqual([(await it.decide(waiting.approvalId, 'approve')).approval.status, it.permitsWaiting()], ['rejected', 0]);
  });
});

test('a run whose executor was killed after its claim ends once, as interrupted, and says which service that was', async () => {
  await using it = await startInterlock({ settings: signal });
  it.chats.push(ann);
  const { approvalId, key } = await it.ask(elsewhere.bridge_send);
  await it.decide(approvalId, 'approve');
  const permit = await it.permit<'bridge_send'>();
  await it.claim(permit);
  it.advance(60_000);
  await it.sweep();
  const { run } = await it.status(key);
  assert.equal(run?.status, 'interrupted');
  assert.match(run?.detail ?? '', /gateway\) stopped answering while it ran.*not known; it was not run again/);
  await assert.rejects(it.report(permit, { output: 'sent after all' }), code('run_ended'));
  assert.equal((await it.status(key)).run?.status, 'interrupted');
});

describe('a message to a messenger', () => {
  const send = (rest: object = {}): Action => ({ kind: 'bridge_send', platform: 'signal', chat: '+491', text: 'See you at 7', ...rest });
  const guest = { trust: 'untrusted', principal: 'bridge:signal:default:+492' } as const;
  const denied = async (it: Harness, action: Action, options: Parameters<Harness['submit']>[1] = {}): Promise<string> => {
    const outcome = await it.submit(action, options);
    assert.equal(outcome.decision, 'deny', JSON.stringify(outcome));
    return outcome.decision === 'deny' ? outcome.reasons.join(' ') : '';
  };

  test('is shown with its chat in full and what leaves, and permitted for that chat alone', async () => {
    await using it = await startInterlock({ settings: signal });
    it.chats.push(ann, { ...ann, kind: 'group', chat: 'g1', title: 'signal: "Owner"' });
    const { approvalId } = await it.ask(send({ text: 'a<b>\u202Ec' }));
    const approval = await shown(it, approvalId);
    assert.equal(approval.command, 'To signal, account default, person +491 (the conversation "signal: Ann"):\na<b>\u202Ec');
    assert.equal(approval.risk, 'high');
    assert.match(approval.warnings?.[0] ?? '', /leaves this machine through OpenClaw: signal and whoever reads that chat/);
    assert.match(approval.warnings?.join(' ') ?? '', /does not show.*HTML tag/);
    const group = await shown(it, (await it.ask(send({ chat: 'g1', text: 'x'.repeat(1_501) }))).approvalId);
    assert.match(group.command, /^To signal, account default, group g1 \(the conversation "signal: \\"Owner\\""\):\n/);
    assert.match(group.warnings?.join(' ') ?? '', /everybody in that group.*several messages/);
    await it.decide(approvalId, 'approve');
    const { plan } = await it.permit<'bridge_send'>();
    assert.deepEqual(plan.address, { platform: 'signal', account: 'default', kind: 'direct', chat: '+491' });
    assert.equal(plan.action.text, 'a<b>\u202Ec');
  });

  test('goes to nobody whom the bridge does not know, and to no one of several', async () => {
    await using it = await startInterlock({ settings: signal, policy: { allow: ['bridge:signal/+491', 'bridge:signal/+499'] } });
    it.chats.push(ann, { ...ann, account: 'second' }, { ...ann, chat: 'g1', kind: 'group', thread: '7' });
    assert.match(await denied(it, send({ chat: '+499' })), /knows no chat \+499 on signal/);
    assert.match(await denied(it, send()), /Several accounts know that chat: default, second\. Name one/);
    assert.match(await denied(it, send({ account: 'third' })), /accounts default, second alone/);
    assert.match(await denied(it, send({ chat: 'g1' })), /by its threads alone: 7/);
    await it.ask(send({ account: 'second' }));
    await it.ask(send({ chat: 'g1', thread: '7' }));
    it.chats.push({ ...ann, kind: 'group', account: 'second' });
    assert.match(await denied(it, send({ account: 'second' })), /Both a person and a group/);
    assert.match(await denied(it, send({ platform: 'telegram' })), /telegram is not set up/);
  });

  test('is no guest\'s to propose, whatever a rule allows, and no messenger\'s to decide', async () => {
    await using it = await startInterlock({ settings: 'bridges:\n  openclaw:\n    platforms:\n      signal: {allowFrom: ["+492"], admins: ["+492"], maxRisk: medium}\n', policy: { allow: ['bridge:signal/+491'] } });
    it.chats.push(ann, { ...ann, chat: '+493' });
    for (const action of [send(), send({ chat: '+493' }), send({ chat: 'unknown' })]) assert.match(await denied(it, action, guest), /answered there, and cannot have messages sent/);
    assert.equal((await it.submit(send())).decision, 'allow');
    assert.equal((await it.submit(send({ chat: '+493' }), { trust: 'paired', principal: 'device:phone' })).decision, 'ask');
    const { approvalId } = await it.ask(send({ chat: '+493' }), { conversation: 'chat' });
    const actor = { principal: guest.principal, trust: 'untrusted', channel: 'bridge', conversation: 'chat' } as const;
    await assert.rejects(it.decide(approvalId, 'approve', { actor, code: '123456' }), code('not_entitled'));
  });

  test('that was approved is void under a lockdown, and once its messenger is turned off', async () => {
    await using it = await startInterlock({ settings: signal });
    it.chats.push(ann);
    for (const change of ['policies: {deny: ["*"]}\n' + signal, signal.replace('{}', '{enabled: false}')]) {
      await it.writeFile(signal);
      await it.call(it.gateway, interlock.unlock, { actor: owner });
      const { approvalId } = await it.ask(send());
      await it.decide(approvalId, 'approve');
      const permit = await it.permit<'bridge_send'>();
      await it.writeFile(change);
      await assert.rejects(it.claim(permit), (error) => ['permit_void', 'lockdown'].includes((error as { code: string }).code));
    }
  });
});

describe('erasing memory', () => {
  test('shows how much would go, binds the plan to it, and is denied where there is nothing', async () => {
    await using it = await startInterlock();
    const { approvalId } = await it.ask(erase);
    assert.match((await shown(it, approvalId)).command, /session "work".*3 items/);
    await it.decide(approvalId, 'approve');
    assert.equal((await it.permit<'memory_erase'>()).plan.items, 3);
    it.memories.count = 0;
    assert.equal((await it.submit(erase)).decision, 'deny');
  });
});

describe('a change of settings', () => {
  test('is shown as a diff, made by a permit of its own, and keeps the comments', async () => {
    await using it = await startInterlock({ file: '# mine\npolicies:\n  allow: [ls] # read only\nsandbox:\n  wall_seconds: 30 # short\n' });
    const { approvalId, key } = await it.ask({ kind: 'config_change', changes: [{ key: 'sandbox.wall_seconds', value: 60 }, { key: 'model.name', value: 'small' }] });
    assert.match((await shown(it, approvalId)).diff ?? '', /-  wall_seconds: 30 # short\n\+  wall_seconds: 60 # short/);
    await it.decide(approvalId, 'approve');
    await eventually(async () => (await it.status(key)).settled, 'the change was not made');
    const { run } = await it.status(key);
    assert.deepEqual([run?.status, run?.output], ['exited', 'meta-config.yaml was changed\n']);
    const text = await it.readFile();
    assert.ok(text.includes('# mine') && text.includes('[ls] # read only') && text.includes('wall_seconds: 60 # short') && /model:\n {2}name: small/.test(text), text);
    const events = (await it.audit()).filter((entry) => entry.subject['runId'] === run?.id || entry.subject['key'] === key).map((entry) => entry.event);
    for (const event of ['judged', 'decided', 'permit_issued', 'claimed', 'policy_edited', 'reported', 'run_ended']) assert.ok(events.includes(event), event);
    assert.equal((await it.call(it.gateway, interlock.auditVerify, {})).ok, true);
  });

  test('is proposed for the owner alone, in settings that make sense, and asks whatever is allowed', async () => {
    await using it = await startInterlock({ policy: { allow: ['*'] } });
    for (const trust of ['paired', 'untrusted'] as const) assert.equal((await it.submit(elsewhere.config_change, { trust })).decision, 'deny');
    assert.equal((await it.submit(elsewhere.config_change)).decision, 'ask');
    for (const action of [config('sandbox.wall_seconds', -1 as never), config('admins', ['device:x'] as never), config('policies.deny', ['ls; rm'] as never)]) assert.equal((await it.submit(action)).decision, 'deny', JSON.stringify(action));
  });

  test('lifts no lockdown that came before it was made', async () => {
    await using it = await startInterlock();
    const { approvalId, key } = await it.ask(config('policies.deny', ['rm'] as never));
    await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'deny', pattern: '*' } });
    await assert.rejects(it.decide(approvalId, 'approve'));
    assert.equal((await it.status(key)).approval?.status, 'cancelled');
    assert.equal((await it.policy()).lockdown, true);
  });
});

test('what has to be looked up is not recorded while nobody answers, and is judged once somebody does', async () => {
  await using it = await startInterlock({ policy: { deny: ['write:secret'] } });
  await it.silence();
  const turnId = newId();
  await assert.rejects(it.submit(write('a', 'x'), { turnId }), code('unavailable'));
  // What the policy denies needs no look.
  assert.equal((await it.submit(write('secret/a', 'x'))).decision, 'deny');
  await it.speak();
  assert.equal((await it.submit(write('a', 'x'), { turnId })).decision, 'ask');
});
