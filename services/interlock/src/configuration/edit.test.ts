import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { editConfiguration, UneditableError, type PolicyEdit } from './edit.ts';
import { parseConfiguration } from './parse.ts';

const add = (list: 'allow' | 'deny', pattern: string): PolicyEdit => ({ op: 'add', list, pattern });
const policiesOf = (text: string) => {
  const reading = parseConfiguration(text);
  assert.ok(reading.ok, reading.ok ? '' : reading.problems.join(' '));
  return reading.configuration.policies;
};

describe('an edit keeps', () => {
  test('the line ends of Windows, and a byte order mark', () => {
    const text = '\u{FEFF}# mine\r\npolicies:\r\n  allow:\r\n    - ls # listing\r\n  deny: []\r\nlocal_only: true\r\n';
    const edited = editConfiguration(text, add('allow', 'cat'));
    assert.equal(edited, '\u{FEFF}# mine\r\npolicies:\r\n  allow:\r\n    - ls # listing\r\n    - "cat"\r\n  deny: []\r\nlocal_only: true\r\n');
    assert.equal(editConfiguration(edited, { op: 'remove', list: 'allow', pattern: 'cat' }), text);
    assert.equal(editConfiguration(text, add('allow', 'ls')), text);
    assert.deepEqual(policiesOf(edited).allow, ['ls', 'cat']);
  });

  test('comments before, behind and between, blank lines, and quotes as they are', () => {
    const text = "# top\n\n# about the policy\npolicies:\n\n  # what I trust\n  allow:\n    # first\n    - 'git status' # safe\n\n    # second\n    - ls\n  # what I fear\n  deny:\n    - \"rm -rf\" # of course\n\n# the end\n";
    assert.equal(editConfiguration(text, add('deny', '*')), text.replace('# of course\n', '# of course\n    - "*"\n'));
  });

  test('how deep a person indents', () => {
    for (const text of ['policies:\n    allow:\n        - ls\n    deny: []\n', 'policies:\n  allow:\n  - ls\n  deny: []\n']) {
      const [, margin = ''] = /\n( *)- ls/.exec(text) ?? [];
      assert.equal(editConfiguration(text, add('allow', 'cat')), text.replace(/(- ls[^\n]*\n)/, `$1${margin}- "cat"\n`));
    }
  });

  test('anchors, where they stand and what refers to them', () => {
    const text = 'policies:\n  allow: &mine\n    - ls\n    - &build make\n  deny: []\nmodel:\n  name: *build\n';
    const edited = editConfiguration(text, add('deny', 'rm -rf'));
    assert.match(edited, /allow: &mine\n {4}- ls\n {4}- &build make\n/);
    assert.match(edited, /name: \*build/);
    assert.deepEqual(policiesOf(edited).deny, ['rm -rf']);
  });

  test('a list that is only referred to: the edited place gets entries of its own, the other stays', () => {
    const text = 'policies:\n  deny: &base\n    - make\n  allow: *base\n';
    const edited = editConfiguration(text, add('allow', 'ls'));
    assert.deepEqual(policiesOf(edited), { allow: ['make', 'ls'], deny: ['make'], matching: 'commands' });
    assert.deepEqual(policiesOf(editConfiguration(text, { op: 'remove', list: 'allow', pattern: 'make' })), { allow: [], deny: ['make'], matching: 'commands' });
  });

  test('entries that are references', () => {
    const text = 'policies:\n  deny:\n    - &bad make\n  allow:\n    - *bad\n    - ls\n';
    assert.deepEqual(policiesOf(editConfiguration(text, { op: 'remove', list: 'allow', pattern: 'make' })), { allow: ['ls'], deny: ['make'], matching: 'commands' });
    assert.equal(editConfiguration(text, add('allow', 'make')), text);
  });
});

describe('an edit is refused', () => {
  const tied: readonly (readonly [string, PolicyEdit])[] = [
    // Adding to the one list would add to the other.
    ['policies:\n  allow: &both\n    - ls\n  deny: *both\n', add('allow', 'cat')],
    // What goes is what something else refers to.
    ['policies:\n  allow:\n    - &build make\n  deny: []\nmodel:\n  name: *build\n', { op: 'remove', list: 'allow', pattern: 'make' }],
  ];
  for (const [text, edit] of tied) test(`rather than change more than was asked for: ${JSON.stringify(text).slice(0, 60)}`, () => assert.throws(() => editConfiguration(text, edit), UneditableError));
});

test('replacing also sets how rules are compared, and only if it differs', () => {
  const text = 'policies:\n  allow: [ls]\n';
  const policy = { allow: ['ls'], deny: [] };
  assert.equal(editConfiguration(text, { op: 'replace', policy: { ...policy, matching: 'commands' } }), text);
  assert.equal(policiesOf(editConfiguration(text, { op: 'replace', policy: { ...policy, matching: 'contains' } })).matching, 'contains');
  assert.equal(policiesOf(editConfiguration('local_only: true\n', { op: 'replace', policy: { allow: [], deny: [], matching: 'contains' } })).matching, 'contains');
});

test('whatever is added stands in the list as it is, nothing else changes, and removing it restores the meaning', () => {
  const text = '# mine\npolicies:\n  allow: [ls, "git status"] # short\n  deny:\n    - "rm -rf"\nadmins: ["device:desk"]\n';
  const before = parseConfiguration(text);
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }).filter((one) => one.trim() !== '' && one.isWellFormed()), fc.constantFrom('allow', 'deny'), (raw, list) => {
      const pattern = raw.trim();
      let edited: string;
      try {
        edited = editConfiguration(text, add(list, pattern));
      } catch (error) {
        assert.ok(error instanceof UneditableError);
        return;
      }
      const restored = parseConfiguration(editConfiguration(edited, { op: 'remove', list, pattern }));
      assert.deepEqual(restored, parseConfiguration(text));
      const after = parseConfiguration(edited);
      if (after.ok && before.ok) assert.deepEqual({ ...after.configuration, policies: null }, { ...before.configuration, policies: null });
    }),
    { numRuns: 300 },
  );
});
