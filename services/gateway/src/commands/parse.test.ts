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
    ['!test ls\n# !approve abc', { kind: 'command', name: 'test', argument: 'ls\n# !approve abc' }],
    ['!policies remove 3', { kind: 'command', name: 'policies', argument: 'remove 3' }],
    ['!no abc123 \u{1F468}\u200D\u{1F469} asked', { kind: 'command', name: 'reject', argument: 'abc123 \u{1F468}\u200D\u{1F469} asked' }],
    ['```\n!approve abc123\n```', { kind: 'chat' }],
    ['`!approve abc123`', { kind: 'chat' }],
    ['> > !approve abc123', { kind: 'chat' }],
    ['Forwarded from Bob:\n!approve abc123', { kind: 'chat' }],
    ['On Monday Bob wrote:\n> !approve abc123', { kind: 'chat' }],
    ['\u201C!approve abc123\u201D', { kind: 'chat' }],
    ['- !approve abc123', { kind: 'chat' }],
    ['\\!approve abc123', { kind: 'chat' }],
    ['/approve abc123', { kind: 'chat' }],
    ['\u00A1Hola!', { kind: 'chat' }],
    ['\u2757 this is important', { kind: 'chat' }],
  ];
  for (const [text, intent] of cases) test(JSON.stringify(text), () => assert.deepEqual(parseIntent(text), intent));
});

test('a word glued to something, or disguised, is answered here and neither guessed at nor shown to the model', () => {
  for (const text of ['!deny*', '!approve\u200b abc123', '!approve:abc123', '!\u0430pprove abc123', '!approve\u00adabc123']) assert.equal(parseIntent(text).kind, 'unclear', JSON.stringify(text));
  const intent = parseIntent('!approve\u200b abc123');
  assert.ok(intent.kind === 'unclear' && intent.answer.includes('\\u{200b}'));
});

test('what a person would read as a command, and begins with something that does not show or only looks like the mark, does nothing and is answered', () => {
  const before = ['\uFEFF', '\u200B', '\u202E', '\u2066', '\u00A0', '\u2003', '\u00AD', '\u{E0021}'];
  for (const invisible of before) assert.equal(parseIntent(`${invisible}!approve abc123`).kind, 'unclear', JSON.stringify(invisible));
  for (const mark of ['\uFF01', '\uFE57', '\u01C3', '\u00A1', '\u2757', '!\u200B', '!\uFEFF']) assert.equal(parseIntent(`${mark}approve abc123`).kind, 'unclear', JSON.stringify(mark));
  for (const word of ['!\uFF41pprove abc123', '!approve\u00A0abc123', '!approve\u3000abc123', '!appro\u0301ve abc123']) assert.equal(parseIntent(word).kind, 'unclear', JSON.stringify(word));
});

test('an argument with characters that do not show is spelled out, not carried out', () => {
  for (const text of ['!allow git\u200B status', '!allow git\u00A0status', '!deny rm\u202E', '!mode build\u200D']) {
    const intent = parseIntent(text);
    assert.ok(intent.kind === 'unclear' && intent.answer.includes('\\u{'), JSON.stringify(text));
  }
});

test('a command with a line of something else below it is not carried out, nor one that stands alone with words behind it', () => {
  for (const text of ['!lockdown\nsaid Bob', '!allow\ngit status', '!undo\n2', '!lockdown please', '!help me']) assert.equal(parseIntent(text).kind, 'unclear', JSON.stringify(text));
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

test('help lists to each person what that person may, and no more', () => {
  for (const person of ['owner', 'paired', 'bridge'] as const) for (const { usage, may } of commandTable) assert.equal(helpText(person).includes(`\`${usage}\``), may.includes(person), `${person} ${usage}`);
});

test('no name or alias stands for two commands', () => {
  const words = commandTable.flatMap(({ name, aliases }) => [name, ...aliases]);
  assert.equal(new Set(words).size, words.length);
});
