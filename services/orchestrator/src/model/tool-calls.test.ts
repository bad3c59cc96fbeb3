import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createToolCallAssembly, type ToolCallFragment } from './openai-tool-calls.ts';
import { argumentsForHistory, readToolCalls } from './tool-calls.ts';

const assembled = (...fragments: readonly ToolCallFragment[]) => {
  const assembly = createToolCallAssembly();
  for (const fragment of fragments) assembly.add(fragment);
  return assembly.finish().map((call) => [call.id, call.name, call.arguments]);
};

const streams: readonly (readonly [promise: string, fragments: readonly ToolCallFragment[], calls: unknown[]])[] = [
  ['nothing', [], []],
  [
    'by the book: id and name first, then pieces of text',
    [
      { index: 0, id: 'a', function: { name: 'shell', arguments: '' } },
      { index: 0, function: { arguments: '{"x":' } },
      { index: 0, function: { arguments: '1}' } },
    ],
    [['a', 'shell', '{"x":1}']],
  ],
  [
    'two calls interleaved',
    [
      { index: 0, id: 'a', function: { name: 'one', arguments: '{' } },
      { index: 1, id: 'b', function: { name: 'two', arguments: '[' } },
      { index: 0, function: { arguments: '}' } },
      { index: 1, function: { arguments: ']' } },
    ],
    [['a', 'one', '{}'], ['b', 'two', '[]']],
  ],
  [
    'id and name repeated with each piece',
    [
      { index: 0, id: 'a', function: { name: 'shell', arguments: '{' } },
      { index: 0, id: 'a', function: { name: 'shell', arguments: '}' } },
    ],
    [['a', 'shell', '{}']],
  ],
  [
    'whole calls that all claim index 0',
    [
      { index: 0, id: 'a', function: { name: 'one', arguments: '{}' } },
      { index: 0, id: 'b', function: { name: 'two', arguments: '{}' } },
    ],
    [['a', 'one', '{}'], ['b', 'two', '{}']],
  ],
  [
    'no index at all',
    [
      { id: 'a', function: { name: 'one', arguments: '{' } },
      { function: { arguments: '}' } },
      { id: 'b', function: { name: 'two', arguments: '{}' } },
    ],
    [['a', 'one', '{}'], ['b', 'two', '{}']],
  ],
  ['arguments as an object', [{ index: 0, id: 'a', function: { name: 'one', arguments: { x: 1 } } }], [['a', 'one', '{"x":1}']]],
  ['no id', [{ index: 0, function: { name: 'one', arguments: '{}' } }], [[undefined, 'one', '{}']]],
  ['null wherever it may be', [{ index: null, id: null, function: { name: null, arguments: null } }, { index: 0, function: null }], [[undefined, '', '']]],
];

describe('tool calls are put together from a stream of', () => {
  for (const [promise, fragments, calls] of streams) test(promise, () => assert.deepEqual(assembled(...fragments), calls));
});

describe('the arguments of a tool call', () => {
  const read = (sent: unknown) => readToolCalls([{ id: 'a', name: 'shell', arguments: sent }])[0]!;

  test('are an object, from text or as they are; nothing at all is the empty object', () => {
    const cases: readonly (readonly [unknown, object])[] = [['{"x":1}', { x: 1 }], [{ x: 1 }, { x: 1 }], ['', {}], [' ', {}], [undefined, {}], [null, {}]];
    for (const [sent, expected] of cases) {
      assert.deepEqual(read(sent).arguments, expected, JSON.stringify(sent));
      assert.equal(read(sent).malformed, false);
    }
  });

  test('that are anything else are malformed, and kept word for word', () => {
    for (const sent of ['{"x":', 'ls -l', '"ls"', '[1]', '7', 'null', 'true', '{} {}']) {
      const call = read(sent);
      assert.deepEqual([call.malformed, call.arguments, call.rawArguments], [true, undefined, sent]);
      assert.deepEqual(argumentsForHistory(call), {});
    }
    assert.equal(read([1]).malformed, true);
  });
});

test('every call of a reply has an id of its own, given or made', () => {
  const ids = readToolCalls(['a', 'a', undefined, '', 'b'].map((id) => ({ id, name: 'x', arguments: '' }))).map((call) => call.id);
  assert.equal(new Set(ids).size, 5);
  assert.equal(ids[0], 'a');
  assert.equal(ids[4], 'b');
  assert.ok(ids.every((id) => id !== ''));
});
