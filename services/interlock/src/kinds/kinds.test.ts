import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Action, ActionKind } from '@megabot/contracts/action.ts';
import { compilePolicy } from '../policy/compile.ts';
import { judgeAction } from '../judgement.ts';
import { Configuration } from '../configuration/schema.ts';
import { guardedAs } from './guarded-path.ts';
import { parseScopedPattern } from './scoped-pattern.ts';
import { riskOf } from './table.ts';

const { policies: _, ...settings } = Configuration.parse({ local_only: false, bridges: { openclaw: { platforms: { signal: {}, off: { enabled: false } } } } });
const judge = (action: Action, allow: string[] = [], deny: string[] = []) => judgeAction(action, { compiled: compilePolicy({ allow, deny, matching: 'commands' }), settings });

const web = (url: string, rest: Partial<Extract<Action, { kind: 'web_request' }>> = {}): Action => ({ kind: 'web_request', method: 'GET', url, headers: {}, body: null, ...rest });
const write = (...paths: string[]): Action => ({ kind: 'file_write', files: paths.map((path) => ({ path, content: 'x' })) });
const config = (key: string, value: unknown): Action => ({ kind: 'config_change', changes: [{ key, value: value as never }] });

/** One of each kind; a kind without one does not compile. */
const samples: Readonly<Record<ActionKind, Action>> = {
  shell: { kind: 'shell', command: 'make all' },
  file_write: write('src/a.ts'),
  file_delete: { kind: 'file_delete', paths: ['src/a.ts'] },
  file_move: { kind: 'file_move', from: 'src/a.ts', to: 'src/b.ts' },
  mcp_call: { kind: 'mcp_call', server: 'files', tool: 'read', arguments: { path: 'x' } },
  config_change: config('sandbox.wall_seconds', 60),
  memory_erase: { kind: 'memory_erase', space: 'default', ids: [], session: 'work' },
  bridge_send: { kind: 'bridge_send', platform: 'signal', chat: '+491', text: 'hi' },
  web_request: web('https://example.org/'),
};

/** A rule that covers the sample, where one can. */
const covering: Readonly<Record<ActionKind, string | null>> = {
  shell: 'make', file_write: 'write:src/*.ts', file_delete: 'write:src/**', file_move: 'write:**', mcp_call: 'mcp:files/*', config_change: null,
  memory_erase: 'memory:erase', bridge_send: 'bridge:signal/+491', web_request: 'web:example.org',
};

describe('every kind of action', () => {
  for (const [kind, action] of Object.entries(samples)) {
    test(`${kind} without a rule asks`, () => assert.equal(judge(action).decision, 'ask'));
    test(`${kind} is denied by deny "*", whatever allows it`, () => {
      const judgement = judge(action, ['*', ...(covering[action.kind] === null ? [] : [covering[action.kind]!])], ['*']);
      assert.deepEqual([judgement.decision, judgement.rule], ['deny', '*']);
    });
    test(`${kind} under allow "*" ${kind === 'shell' ? 'runs' : 'asks all the same'}`, () => assert.equal(judge(action, ['*']).decision, kind === 'shell' ? 'allow' : 'ask'));
    test(`${kind} is covered by a rule of its own scope alone`, () => {
      const others = Object.entries(covering).flatMap(([other, rule]) => (rule === null || other === kind || rule.split(':')[0] === covering[action.kind]?.split(':')[0] ? [] : [rule]));
      assert.equal(judge(action, others).decision, 'ask');
      const own = covering[action.kind];
      assert.equal(own === null ? 'ask' : judge(action, [own]).decision, own === null ? 'ask' : 'allow');
    });
    test(`${kind} holding half a character or a NUL is denied`, () => {
      for (const character of ['\ud800', '\0']) {
        const text = JSON.stringify(action).replace(/"(make all|src\/a\.ts|read|work|hi|https:[^"]*)"/, (_match, value: string) => JSON.stringify(`${value}${character}`));
        const bent = kind === 'config_change' ? config('default_mode', `x${character}`) : (JSON.parse(text) as Action);
        assert.equal(judge(bent, ['*', ...Object.values(covering).filter((rule) => rule !== null)]).decision, 'deny', JSON.stringify(bent));
      }
    });
  }
});

describe('changes of files', () => {
  test('are granted by no pattern without a scope', () => {
    for (const pattern of ['src/a.ts', '/workspace/src/a.ts', 'src', 'tee', 'rm', '/workspace']) assert.equal(judge(write('src/a.ts'), [pattern]).decision, 'ask', pattern);
  });
  test('are denied by path patterns without a scope, and by write: patterns, folders included', () => {
    for (const pattern of ['/workspace/src', 'write:src/*', 'write:src', 'write:**/a.ts', '/workspace/src/a.ts']) {
      for (const action of [samples.file_write, samples.file_delete, samples.file_move]) assert.equal(judge(action, ['write:**'], [pattern]).decision, 'deny', `${pattern} ${action.kind}`);
    }
  });
  test('are allowed only if every file of them is covered', () => {
    assert.equal(judge(write('src/a.ts', 'src/b.ts'), ['write:src/*']).decision, 'allow');
    assert.equal(judge(write('src/a.ts', 'other/b.ts'), ['write:src/*']).decision, 'ask');
    assert.equal(judge({ kind: 'file_move', from: 'src/a', to: 'bin/a' }, ['write:src/*']).decision, 'ask');
    assert.equal(judge(write('src/deep/a.ts'), ['write:src/*']).decision, 'ask');
  });
  const guarded = [
    '.git/config', '.git/hooks/pre-commit', 'sub/.git/hooks/x', '.gitmodules', '.gitattributes', '.husky/pre-push', '.env', '.env.local', 'app/.env.production', '.envrc', '.ssh/config', 'id_ed25519', 'keys/server.pem',
    '.bashrc', '.profile', '.zshenv', '.config/fish/config.fish', '.npmrc', '.vscode/tasks.json', '.vimrc', 'package.json', 'web/package.json', 'Makefile', 'rules.mk', 'Dockerfile', 'compose.yaml', 'vite.config.ts', 'conftest.py',
    '.github/workflows/ci.yml', '.gitlab-ci.yml', 'Jenkinsfile', 'AGENTS.md', 'CLAUDE.md', 'docs/agents.md', '.cursor/rules/x', '.claude/settings.json', '.mcp.json', 'node_modules/.bin/tsc', 'node_modules/x/index.js', 'PACKAGE.JSON', '.GIT/config', '.ｅnv',
  ];
  test('that others run or trust always ask, also where the file does not exist yet', () => {
    for (const path of guarded) {
      assert.notEqual(guardedAs(path), null, path);
      assert.equal(judge(write(path), ['write:**', '*']).decision, 'ask', path);
      assert.equal(riskOf(write(path)), 'high', path);
    }
    for (const path of ['src/index.ts', 'README.md', 'notes/environment.txt', 'git/notes.md', 'makefiles.txt', 'data/keys.csv']) assert.equal(guardedAs(path), null, path);
  });
});

describe('settings', () => {
  test('that cannot be proposed, or would allow everything, are denied', () => {
    for (const action of [config('admins', ['device:x']), config('bridges.openclaw', {}), config('policies.allow', ['ls', ' * ']), config('policies.matching', 'contains')]) assert.equal(judge(action).decision, 'deny', JSON.stringify(action));
    assert.equal(judge(config('model.url', 'http://x'), [], ['config:model.*']).decision, 'deny');
  });
  test('are never allowed, and no rule that would can be written', () => {
    const reading = parseScopedPattern('config:model.url');
    assert.ok(reading?.ok && reading.pattern.denyOnly !== null);
    assert.equal(judge(config('model.url', 'http://x'), ['config:model.url', 'config:*', '*']).decision, 'ask');
  });
});

describe('web requests', () => {
  test('are denied while local_only is on, whatever allows them, with why and what to do', () => {
    const compiled = compilePolicy({ allow: ['web:example.org', '*'], deny: ['web:*.evil.org'], matching: 'commands' });
    const locally = (url: string) => judgeAction(web(url), { compiled, settings: { ...settings, local_only: true } });
    for (const url of ['https://example.org/', 'https://other.org/', 'http://127.0.0.1:8000/', 'http://nas.local/']) {
      const { decision, rule, reasons } = locally(url);
      assert.deepEqual([decision, rule], ['deny', null], url);
      assert.match(reasons.join(' '), /local_only is on.*nothing is fetched.*The owner can turn it off/);
    }
    assert.equal(locally('https://a.evil.org/').rule, 'web:*.evil.org');
  });
  test('are allowed for the host and port that a rule names, and no other', () => {
    const allowed = (url: string, rule: string): boolean => judge(web(url), [rule]).decision === 'allow';
    assert.ok(allowed('https://example.org/x?y', 'web:example.org') && allowed('https://EXAMPLE.org', 'web:example.org') && allowed('https://a.example.org', 'web:*.example.org') && allowed('http://example.org:8080/', 'web:example.org:8080'));
    for (const [url, rule] of [['https://example.org.evil.net/', 'web:example.org'], ['https://evil.net/example.org', 'web:example.org'], ['https://evilexample.org', 'web:*.example.org'], ['https://example.org', 'web:*.example.org'], ['https://example.org:8080', 'web:example.org'], ['https://anything.net', 'web:*'], ['https://x.org', 'web:*.org']] as const) {
      assert.equal(allowed(url, rule), false, `${rule} ${url}`);
    }
  });
  test('that send something ask all the same', () => {
    for (const action of [web('https://example.org', { method: 'POST', body: 'x' }), web('https://me:secret@example.org'), web('https://example.org', { headers: { Cookie: 'x' } }), web('https://example.org', { headers: { authorization: 'x' } })]) {
      assert.equal(judge(action, ['web:example.org']).decision, 'ask');
    }
    assert.equal(judge(web('https://example.org', { body: 'x' }), ['web:example.org']).decision, 'deny');
  });
});

describe('messages to messengers', () => {
  const send = (rest: Partial<Extract<Action, { kind: 'bridge_send' }>>): Action => ({ kind: 'bridge_send', platform: 'signal', chat: '+491', text: 'hi', ...rest });
  test('go to messengers alone that are set up and turned on', () => {
    for (const platform of ['telegram', 'off', 'constructor', '__proto__', 'SIGNAL']) assert.equal(judge(send({ platform }), [`bridge:${platform}/+491`]).decision, 'deny', platform);
  });
  test('are allowed for exactly the chat that a rule names', () => {
    assert.equal(judge(send({}), ['bridge:signal/+491']).decision, 'allow');
    for (const chat of ['+4911', '+49', '491', '+491/x', '+491\u200b']) assert.equal(judge(send({ chat }), ['bridge:signal/+491']).decision, 'ask', chat);
  });
  test('that name one of several accounts ask, whatever allows the chat', () => assert.equal(judge(send({ account: 'second' }), ['bridge:signal/+491']).decision, 'ask'));
  test('that call a whole room together ask, whatever allows the chat', () => {
    for (const text of ['@everyone look', 'hi @here', 'see <!channel>', '<@&123> hi', '@ROOM']) assert.equal(judge(send({ text }), ['bridge:signal/+491']).decision, 'ask', text);
    for (const text of ['everyone', 'a@hereford.example', '@roomy', '@ann']) assert.equal(judge(send({ text }), ['bridge:signal/+491']).decision, 'allow', text);
  });
  test('that would not arrive as they are shown are denied', () => {
    for (const text of [' hi', 'hi\n', '\u00a0hi', '\u2028', ' ']) assert.equal(judge(send({ text }), ['bridge:signal/+491']).decision, 'deny', JSON.stringify(text));
  });
  test('are a high risk, so that nobody decides about them from a messenger', () => assert.equal(riskOf(send({})), 'high'));
});

test('scoped patterns that mean nothing are refused, in the deny list as an error', () => {
  for (const entry of ['write:', 'write:/etc', 'write:../x', 'write:a//b', 'web:https://x', 'web:X.org', 'web:x.org/path', 'mcp:files', 'mcp:a/b/c', 'memory:all', 'bridge:signal', 'write:a b']) {
    assert.equal(parseScopedPattern(entry)?.ok, false, entry);
    assert.throws(() => compilePolicy({ allow: [], deny: [entry], matching: 'commands' }), RangeError, entry);
    assert.equal(compilePolicy({ allow: [entry], deny: [], matching: 'commands' }).problems.length, 1, entry);
  }
  for (const entry of ['git status', 'npm run write:x', '/etc', 'http://x']) assert.equal(parseScopedPattern(entry), null, entry);
});
