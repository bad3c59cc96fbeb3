import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIntent } from './parse.ts';
import { commandTable, helpText } from './table.ts';

describe('a message is a control command only as a whole', () => {
  const cases: [text: string, intent: object][] = [
    ['hello', { kind: 'chat' }],
    ['please !approve it', { kind: 'chat' }],
    ['> !approve abc123', { kind: 'chat' }],
    ['"!approve abc123"', { kind: 'chat' }],
    ['!', { kind: 'chat' }],
    ['!!!', { kind: 'chat' }],
    ['! run ls', { kind: 'chat' }],
    ['!run ls -la', { kind: 'run', command: 'ls -la' }],
    ['  !run ls  ', { kind: 'run', command: 'ls' }],
    ['!run cat <<E\na\nE', { kind: 'run', command: 'cat <<E\na\nE' }],
    ['!Approve abc123', { kind: 'command', name: 'approve', argument: 'abc123' }],
    ['!approve', { kind: 'command', name: 'approve', argument: '' }],
    ['!no abc123 not now', { kind: 'command', name: 'reject', argument: 'abc123 not now' }],
    ['!allow git status', { kind: 'command', name: 'allow', argument: 'git status' }],
    ['!deny *', { kind: 'command', name: 'deny', argument: '*' }],
    ['!help', { kind: 'command', name: 'help', argument: '' }],
  ];
  for (const [text, intent] of cases) test(JSON.stringify(text), () => assert.deepEqual(parseIntent(text), intent));
});

test('a word glued to something, or disguised, is answered here and neither guessed at nor shown to the model', () => {
  for (const text of ['!deny*', '!approve\u200b abc123', '!approve:abc123', '!\u0430pprove abc123', '!approve\u00adabc123']) assert.equal(parseIntent(text).kind, 'unclear', JSON.stringify(text));
  const intent = parseIntent('!approve\u200b abc123');
  assert.ok(intent.kind === 'unclear' && intent.answer.includes('\\u{200b}'));
});

test('an unknown word is answered here and names !help, instead of going to the model', () => {
  const intent = parseIntent('!aprove abc123');
  assert.equal(intent.kind, 'unclear');
  assert.match(intent.kind === 'unclear' ? intent.answer : '', /!aprove.*!help/s);
});

test('a command with more lines is not carried out', () => {
  for (const line of ['\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029']) assert.equal(parseIntent(`!approve abc123${line}!deny *`).kind, 'unclear', JSON.stringify(line));
});

test('!run without a command asks for one', () => {
  assert.equal(parseIntent('!run').kind, 'unclear');
});

test('help lists every command', () => {
  for (const { usage } of commandTable) assert.ok(helpText().includes(usage));
});
