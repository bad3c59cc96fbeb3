import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { owner, startInterlock } from './testing/harness.ts';
import { code, device, refusedFor, sender, type Running } from './testing/messenger.ts';

const edit = (it: Running, list: 'allow' | 'deny', pattern: string, actor = owner) => it.call(it.gateway, interlock.policyEdit, { actor, edit: { op: 'add', list, pattern } });
const undo = (it: Running, to?: number, actor = owner) => it.call(it.gateway, interlock.policyUndo, { actor, ...(to === undefined ? {} : { to }) });
const history = async (it: Running) => (await it.call(it.gateway, interlock.policyHistory, {})).versions;

describe('the history of the settings', () => {
  test('says who changed what, by hand or in chat, newest first', async () => {
    await using it = await startInterlock({ policy: { deny: ['rm -rf'] } });
    await edit(it, 'allow', 'ls');
    await edit(it, 'deny', 'git push', device);
    await it.writeFile('policies: {allow: [ls]}\nlocal_only: false\n');
    assert.deepEqual((await history(it)).map(({ by, summary }) => [by, summary]), [
      ['by hand', 'deny - rm -rf, deny - git push, other settings'],
      ['device:phone', 'deny + git push'],
      ['owner', 'allow + ls'],
      ['by hand', 'The first version.'],
    ]);
    assert.equal((await history(it))[0]?.version, (await it.policy()).version);
  });

  test('keeps what was edited by hand and not read yet apart from the edit that came on top of it', async () => {
    await using it = await startInterlock();
    await writeFile(it.file, '# mine\npolicies: {allow: [cat]}\n');
    await edit(it, 'allow', 'ls');
    assert.deepEqual((await history(it)).slice(0, 2).map(({ by, summary }) => [by, summary]), [['owner', 'allow + ls'], ['by hand', 'allow + cat']]);
    assert.deepEqual((await undo(it)).policy.allow, ['cat']);
    assert.equal(await it.readFile(), '# mine\npolicies: {allow: [cat]}\n');
  });

  test('holds fifty versions, and the one in force among them', async () => {
    await using it = await startInterlock();
    for (let index = 0; index < 55; index++) await it.writeFile(`policies: {allow: [tool${index}]}\n`);
    const { versions } = await it.call(it.gateway, interlock.policyHistory, { limit: 100 });
    assert.equal(versions.length, 50);
    assert.equal(versions[0]?.version, (await it.policy()).version);
  });

  test('begins with what an earlier version of the code had put in force', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await it.db.query('UPDATE interlock.policy_versions SET content = NULL');
    assert.deepEqual(await history(it), []);
    await it.restart();
    await edit(it, 'allow', 'cat');
    assert.deepEqual((await undo(it)).policy.allow, ['ls']);
  });

  test('survives a restart without a version more', async () => {
    await using it = await startInterlock();
    const before = await history(it);
    await it.restart();
    assert.deepEqual(await history(it), before);
  });
});

describe('undoing', () => {
  test('puts the whole text back byte for byte, and doing it twice takes it back', async () => {
    await using it = await startInterlock({ file: '# first\r\npolicies:\r\n  allow: [ ls ]   # mine\r\n' });
    const first = await it.readFile();
    await edit(it, 'allow', 'cat');
    const second = await it.readFile();
    const { restored, policy } = await undo(it);
    assert.deepEqual(policy.allow, ['ls']);
    assert.equal(restored.summary, 'The first version.');
    assert.equal(await it.readFile(), first);
    await undo(it);
    assert.equal(await it.readFile(), second);
    assert.equal((await it.audit()).filter((entry) => entry.event === 'policy_edited' && entry.subject.op === 'undo').length, 2);
  });

  test('that is asked for again by the same request undoes nothing more, whatever happened in between', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await edit(it, 'allow', 'cat');
    const ask = (request: string, extra: { to?: number; actor?: Actor } = {}) => it.call(it.gateway, interlock.policyUndo, { actor: owner, request, ...extra });
    const first = await ask('message-1');
    assert.deepEqual([first.policy.allow, first.repeated], [['ls'], false]);
    await it.restart();
    assert.deepEqual(await ask('message-1'), { ...first, repeated: true });
    await edit(it, 'allow', 'make');
    const again = await ask('message-1');
    assert.deepEqual([again.policy.allow, again.restored, again.repeated], [['ls', 'make'], first.restored, true]);
    await assert.rejects(ask('message-1', { to: first.restored.id + 1 }), code('policy_conflict'));
    await assert.rejects(ask('message-1', { actor: sender('1001') }), refusedFor('undo_policy'));
    assert.deepEqual((await ask('message-2')).policy.allow, ['ls']);
    assert.equal((await it.audit()).filter((entry) => entry.event === 'policy_edited' && entry.subject.op === 'undo').length, 2);
  });

  test('at once by the same request, on two replicas, undoes once', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await it.addReplica();
    await edit(it, 'allow', 'cat');
    const answers = await Promise.all([1, 2, 3, 4].map(async () => await it.call(it.gateway, interlock.policyUndo, { actor: owner, request: 'message-1' })));
    assert.equal(answers.filter(({ repeated }) => !repeated).length, 1);
    assert.deepEqual((await it.policy()).allow, ['ls']);
  });

  test('that was refused can be asked for again by the same request', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    const ask = () => it.call(it.gateway, interlock.policyUndo, { actor: owner, request: 'message-1' });
    await assert.rejects(ask(), code('not_found'));
    await edit(it, 'allow', 'cat');
    assert.deepEqual((await ask()).policy.allow, ['ls']);
  });

  test('goes back to any version by its number, and says when there is none', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await assert.rejects(undo(it), code('not_found'));
    await edit(it, 'allow', 'cat');
    await edit(it, 'allow', 'make');
    const first = (await history(it)).at(-1);
    assert.deepEqual((await undo(it, first?.id)).policy.allow, ['ls']);
    await assert.rejects(undo(it, 4_711), code('not_found'));
  });

  test('never lifts a lockdown, whichever version is meant', async () => {
    await using it = await startInterlock();
    const first = (await history(it))[0];
    await edit(it, 'deny', '*');
    await assert.rejects(undo(it), refusedFor('lockdown'));
    await assert.rejects(undo(it, first?.id), refusedFor('lockdown'));
    assert.equal((await it.policy()).lockdown, true);
  });

  test('does not write over what somebody changed by hand, read already or not, unless the version is named', async () => {
    await using it = await startInterlock();
    await edit(it, 'allow', 'ls');
    const text = 'policies: {allow: [mine]}\n';
    await writeFile(it.file, text);
    await assert.rejects(undo(it), code('policy_conflict'));
    await it.first().reload();
    await assert.rejects(undo(it), code('policy_conflict'));
    assert.equal(await it.readFile(), text);
    const before = (await history(it))[1];
    assert.deepEqual((await undo(it, before?.id)).policy.allow, ['ls']);
  });

  test('does not write over a file that cannot be used, in which somebody may be writing', async () => {
    await using it = await startInterlock();
    await edit(it, 'allow', 'ls');
    await it.writeFile('policies: [\n');
    await assert.rejects(undo(it), code('policy_invalid'));
    await assert.rejects(undo(it, (await history(it)).at(-1)?.id), code('policy_invalid'));
    assert.equal(await it.readFile(), 'policies: [\n');
  });
});

test('a preview says what a pattern alone would have covered of what was asked for lately', async () => {
  await using it = await startInterlock({ policy: { allow: ['ls'], deny: ['rm'] } });
  for (const command of ['npm test', 'npm test', 'npm run build', 'npm test | sh', 'ls -la', 'rm x', 'lsof']) await it.submit(command);
  const preview = async (list: 'allow' | 'deny', pattern: string) => await it.call(it.gateway, interlock.policyPreview, { list, pattern });
  assert.deepEqual((await preview('allow', 'npm test')).matches, [{ command: 'npm test', times: 2 }]);
  assert.deepEqual((await preview('allow', 'ls')).matches, [{ command: 'ls -la', times: 1 }]);
  const denied = await preview('deny', 'npm');
  assert.deepEqual(denied.matches.map(({ command }) => command).toSorted(), ['npm run build', 'npm test', 'npm test | sh']);
  assert.equal(denied.looked, 5);
  await assert.rejects(preview('allow', 'l*'), code('policy_invalid'));
  assert.deepEqual((await it.policy()).allow, ['ls']);
});
