import assert from 'node:assert/strict';
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { eventually, owner, startInterlock } from '../testing/harness.ts';
import { telegram } from '../testing/messenger.ts';
import { defaultConfiguration } from './default.ts';
import { editConfiguration } from './edit.ts';
import { parseConfiguration } from './parse.ts';

const code = (wanted: string) => (error: unknown) => (error as { code?: string }).code === wanted;

describe('meta-config.yaml', () => {
  const mistakes: readonly (readonly [string, RegExp])[] = [
    ['', /empty/],
    ['# only a comment\n', /empty/],
    ['- a list\n', /^line 1, column 1: "the file" must be of the type object/],
    ['polices:\n  allow: []\n', /^line 1, column 1: "polices" is not a setting/],
    ['policies:\n  allow: []\n  denied: [x]\n', /^line 3, column 3: "policies\.denied" is not a setting/],
    ['policies:\n  allow:\n    - ls\n    - 7\n', /^line 4, column 7: "policies\.allow\.3"|^line 4, column 7: "policies\.allow\.1" must be text/],
    ['policies:\n  deny: [*]\n', /line 2.*write "\*" with its quotes/],
    ['policies:\n  deny: ["l*"]\n', /deny entry "l\*" cannot be used/],
    ['local_only: "yes"\n', /^line 1, column 13: "local_only" must be of the type boolean/],
    ['approvals:\n  expire_minutes: 0\n', /^line 2, column 19: .*too small/],
    ['policies: [\n', /^line \d+, column \d+: /],
    ['local_only: true\nlocal_only: false\n', /^line 2, column 1: /],
    ['model:\n  url: nonsense\n', /^line 2, column 8: "model\.url" has the wrong form/],
    ['admins: [owner]\n', /^line 1, column 10: "admins\.0" must be device:<id>/],
    ['bridges:\n  openclaw:\n    platforms:\n      telegram:\n        allowFrom: [1001]\n', /^line 5, column 21: "bridges\.openclaw\.platforms\.telegram\.allowFrom\.0" must be text; put it in quotes/],
    ['bridges:\n  openclaw:\n    platforms:\n      telegram:\n        maxRisk: high\n', /^line 5, column 18: .*must be one of low, medium/],
    ['bridges:\n  openclaw:\n    platforms:\n      telegram:\n        allowfrom: []\n', /^line 5, column 9: "bridges\.openclaw\.platforms\.telegram\.allowfrom" is not a setting/],
    ['bridges:\n  openclaw:\n    platforms:\n      Tele gram: {}\n', /^line 4, column 7: "bridges\.openclaw\.platforms\.Tele gram"/],
    ['\u{FEFF}approvals:\r\n  per_minute: 0\r\n', /^line 2, column 15: .*too small/],
    ['sandbox:\n  pids: many\n', /^line 2, column 9: "sandbox\.pids" must be of the type number/],
  ];
  for (const [text, expected] of mistakes) {
    test(`says where ${JSON.stringify(text).slice(0, 50)} is wrong`, () => {
      const reading = parseConfiguration(text);
      assert.equal(reading.ok, false);
      assert.match(reading.ok ? '' : reading.problems.join('\n'), expected);
    });
  }

  test('lets a messenger do nothing until somebody is listed, and then only low risk, with a code', () => {
    const reading = parseConfiguration('bridges: {openclaw: {platforms: {telegram: , signal: {allowFrom: ["+491"]}}}}\n');
    const silent = { enabled: true, allowFrom: [], admins: [], approvals: 'code', maxRisk: 'low', ratePerMinute: 20 };
    assert.deepEqual(reading.ok && reading.configuration.bridges.openclaw.platforms, { telegram: silent, signal: { ...silent, allowFrom: ['+491'] } });
  });

  test('may leave everything out', () => {
    for (const text of ['policies:\n', 'policies:\n  allow:\n  deny:\n', '{}']) assert.equal(parseConfiguration(text).ok, true, text);
  });

  test('is the committed example at first, which is safe', async () => {
    assert.equal(await readFile(new URL('../../../../config/meta-config.example.yaml', import.meta.url), 'utf8'), defaultConfiguration);
    const reading = parseConfiguration(defaultConfiguration);
    assert.ok(reading.ok && reading.configuration.local_only && reading.configuration.policies.allow.length === 0);
  });

  test('keeps comments and order through an edit, and does not change at all when there is nothing to change', () => {
    const text = '# mine\npolicies:\n  # what I trust\n  allow:\n    - ls # listing\n    - "git status"\n  deny: []\nlocal_only: true # stay\n';
    const added = editConfiguration(text, { op: 'add', list: 'allow', pattern: 'npm test' });
    assert.equal(added, '# mine\npolicies:\n  # what I trust\n  allow:\n    - ls # listing\n    - "git status"\n    - "npm test"\n  deny: []\nlocal_only: true # stay\n');
    assert.equal(editConfiguration(added, { op: 'remove', list: 'allow', pattern: 'npm test' }), text);
    assert.equal(editConfiguration(text, { op: 'add', list: 'allow', pattern: 'ls' }), text);
    const star = editConfiguration(text, { op: 'add', list: 'deny', pattern: '*' });
    assert.match(star, /deny:\n {4}- "\*"\n/);
    const replaced = editConfiguration(text, { op: 'replace', policy: { allow: ['git status', 'cat'], deny: ['rm -rf'] } });
    assert.match(replaced, /- "git status"\n {4}- "cat"\n {2}deny:\n {4}- "rm -rf"\n/);
    for (const empty of ['policies:\n', 'policies: {}\n', 'local_only: true\n']) {
      const reading = parseConfiguration(editConfiguration(empty, { op: 'add', list: 'deny', pattern: 'rm -rf' }));
      assert.deepEqual(reading.ok && reading.configuration.policies.deny, ['rm -rf']);
    }
  });
});

describe('the configuration in force', () => {
  test('is made from the example at the first start, for nobody else to read', async () => {
    await using it = await startInterlock({ file: null });
    assert.equal(await it.readFile(), defaultConfiguration);
    assert.equal((await stat(it.file)).mode & 0o777, 0o600);
    assert.deepEqual((await it.policy()).allow, []);
  });

  test('follows the file without a restart', async () => {
    await using it = await startInterlock();
    await writeFile(it.file, 'policies: {allow: [ls]}\n');
    await eventually(async () => (await it.policy()).allow.includes('ls'), 'the change was not noticed');
    await it.hears('configuration');
    assert.equal((await it.submit('ls')).decision, 'allow');
  });

  test('is never half of what somebody is writing', async () => {
    await using it = await startInterlock({ policy: { deny: ['rm -rf'] } });
    const handle = await open(it.file, 'w');
    try {
      const reloaded = it.first().reload();
      await handle.write('policies:\n  deny:\n    - make\n');
      await handle.write('    - "rm -rf"\n');
      await reloaded;
    } finally {
      await handle.close();
    }
    await eventually(async () => (await it.policy()).deny.includes('make'), 'the change was not noticed');
    assert.deepEqual((await it.policy()).deny, ['make', 'rm -rf']);
    const versions = await it.db.query<{ deny: string[] }>("SELECT policy->'deny' AS deny FROM interlock.policy_versions");
    assert.ok(versions.every(({ deny }) => deny.includes('rm -rf')));
  });

  test('when broken, missing or unreadable: the last good policy without its allow rules, said everywhere, until it is mended', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls', '*'], deny: ['rm -rf'] } });
    const breakIt: readonly (() => Promise<void>)[] = [
      () => it.writeFile('policies: [\n'),
      () => it.writeFile('policies: {allow: [ls], deny: ["l*"]}\n'),
      async () => {
        await rm(it.file);
        await it.first().reload();
      },
    ];
    for (const breaking of breakIt) {
      await breaking();
      assert.equal((await it.submit('ls')).decision, 'ask');
      assert.equal((await it.submit('rm -rf x')).decision, 'deny');
      const view = await it.policy();
      assert.match(view.warnings.join(' '), /cannot be used/);
      assert.equal(view.lockdown, false);
      assert.match((await it.call(it.gateway, interlock.ping, {})).detail, /cannot be used/);
      assert.ok((await it.call(it.orchestrator, interlock.configGet, {})).warnings.length > 0);
      await it.hears('configuration', (payload) => (payload.warnings as string[]).length > 0);
      await assert.rejects(it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list: 'allow', pattern: 'cat' } }), code('policy_invalid'));
      await it.restart();
      assert.equal((await it.submit('ls')).decision, 'ask');
      await it.writeFile('policies: {allow: [ls], deny: ["rm -rf"]}\n');
      assert.equal((await it.submit('ls')).decision, 'allow');
      assert.deepEqual((await it.policy()).warnings, []);
    }
  });

  test('broken from the start is a lockdown, which mending the file lifts and "unlock" does not', async () => {
    await using it = await startInterlock({ file: 'polices: {}\n' });
    assert.equal((await it.policy()).lockdown, true);
    assert.equal((await it.submit('ls')).decision, 'deny');
    await assert.rejects(it.call(it.gateway, interlock.unlock, { actor: owner }), code('unavailable'));
    await it.restart();
    assert.equal((await it.policy()).lockdown, true);
    await it.writeFile('policies: {allow: [ls]}\n');
    assert.equal((await it.submit('ls')).decision, 'allow');
  });

  test('has its danger said where rules are compared with the text', async () => {
    await using it = await startInterlock({ file: 'policies: {allow: [ls], matching: contains}\n' });
    assert.match((await it.policy()).warnings.join(' '), /Matching is "contains"/);
    assert.match((await it.call(it.gateway, interlock.ping, {})).detail, /Matching is "contains"/);
    await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'replace', policy: { allow: ['ls'], deny: [] } } });
    assert.deepEqual((await it.policy()).warnings, []);
  });

  test('serves the gateway what people behind messengers may do', async () => {
    await using it = await startInterlock({ settings: telegram });
    const { bridges } = await it.call(it.gateway, interlock.configGet, {});
    assert.deepEqual(bridges?.openclaw.platforms.telegram, { enabled: true, allowFrom: ['1001', '1002', '1003'], admins: ['1001', '1002'], approvals: 'code', maxRisk: 'medium', ratePerMinute: 20 });
  });

  test('with settings that an earlier version stored goes on with a broken file, what is new having its default', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'] } });
    await it.db.query("UPDATE interlock.state SET settings = settings - 'bridges' - 'admins'");
    await it.writeFile('policies: [\n');
    await it.restart();
    assert.deepEqual((await it.call(it.gateway, interlock.configGet, {})).bridges, { openclaw: { platforms: {} } });
    assert.equal((await it.submit('ls')).decision, 'ask');
  });

  test('suspends the allow rules while somebody pauses in the middle of a line, and never forgets a deny rule for good', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'], deny: ['rm -rf'] } });
    const whole = 'policies:\n  allow: [ls]\n  deny:\n    - make\n    - "rm -rf"\n';
    const handle = await open(it.file, 'w');
    try {
      await handle.write(whole.slice(0, -4));
      await it.first().reload();
      assert.equal((await it.submit('ls')).decision, 'ask');
      assert.equal((await it.submit('rm -rf x')).decision, 'deny');
      await handle.write(whole.slice(-4));
      await it.first().reload();
    } finally {
      await handle.close();
    }
    assert.equal((await it.submit('ls')).decision, 'allow');
    assert.deepEqual((await it.policy()).deny, ['make', 'rm -rf']);
  });

  test('an allow entry that cannot be used is ignored and reported', async () => {
    await using it = await startInterlock({ policy: { allow: ['l*', 'cat'] } });
    assert.match((await it.policy()).warnings.join(' '), /"l\*" is ignored/);
    assert.equal((await it.submit('ls')).decision, 'ask');
    assert.equal((await it.submit('cat')).decision, 'allow');
  });

  test('is edited by the owner, on top of what was edited by hand', async () => {
    await using it = await startInterlock();
    const edit = async (pattern: string, list: 'allow' | 'deny' = 'allow') => await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'add', list, pattern } });
    await writeFile(it.file, '# by hand\npolicies:\n  allow: [cat] # mine\n');
    assert.equal((await edit('ls')).changed, true);
    assert.equal((await edit('ls')).changed, false);
    assert.deepEqual((await it.policy()).allow, ['cat', 'ls']);
    assert.match(await it.readFile(), /^# by hand\n/);
    assert.match(await it.readFile(), /# mine/);
    await assert.rejects(edit('l*'), code('policy_invalid'));
    await assert.rejects(edit('ls; id', 'deny'), code('policy_invalid'));
    await assert.rejects(it.call(it.gateway, interlock.policyEdit, { actor: { principal: 'bridge:telegram:default:1001', trust: 'untrusted', channel: 'bridge' }, edit: { op: 'add', list: 'allow', pattern: 'x' } }), code('not_entitled'));
    const { version } = await it.policy();
    const replace = async (ifVersion: string) => await it.call(it.gateway, interlock.policyEdit, { actor: owner, edit: { op: 'replace', policy: { allow: ['make'], deny: ['rm -rf'] }, ifVersion } });
    assert.deepEqual((await replace(version)).policy.deny, ['rm -rf']);
    await assert.rejects(replace(version), code('policy_conflict'));
    assert.equal((await it.audit()).filter((entry) => entry.event === 'policy_edited').length, 2);
  });

  test('a test of a command has no effect and says why', async () => {
    await using it = await startInterlock({ policy: { allow: ['ls'], deny: ['rm -rf'] } });
    const entries = (await it.audit()).length;
    const inForce = await it.call(it.gateway, interlock.policyTest, { command: 'ls; rm -rf x' });
    assert.equal(inForce.decision, 'deny');
    assert.equal(inForce.rule, 'rm -rf');
    assert.deepEqual(inForce.commands, [['ls'], ['rm', '-rf', 'x']]);
    assert.equal((await it.call(it.gateway, interlock.policyTest, { command: 'make', policy: { allow: ['make'], deny: [] } })).decision, 'allow');
    await assert.rejects(it.call(it.gateway, interlock.policyTest, { command: 'make', policy: { allow: [], deny: ['l*'] } }), code('policy_invalid'));
    assert.equal((await it.audit()).length, entries);
  });

  test('serves the model its own section', async () => {
    await using it = await startInterlock({ file: 'model: {url: "http://10.0.0.5:11434", name: tiny, allowed_hosts: [box]}\n' });
    assert.deepEqual((await it.call(it.orchestrator, interlock.configGet, {})).model, { localOnly: true, url: 'http://10.0.0.5:11434', name: 'tiny', allowedHosts: ['box'], contextTokens: 8_192 });
  });
});

