import type { ServerResponse } from 'node:http';
import type { ScriptedCall } from './scripted-model-script.ts';

/** How one of the two protocols writes an answer down: piece by piece in a stream, or all at once. */
export interface ReplyFormat {
  begin(response: ServerResponse): void;
  text(text: string): string;
  calls(calls: readonly ScriptedCall[]): string;
  end(reason: 'stop' | 'calls'): string;
  whole(text: string, calls: readonly ScriptedCall[]): object;
}

const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

/** The chat completions of OpenAI-compatible servers: server-sent events, arguments in fragments, `[DONE]` at the end. */
export function openaiFormat(model: string, includeUsage: boolean): ReplyFormat {
  const shared = { id: 'chatcmpl-scripted', created: 0, model };
  const event = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({ ...shared, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const fragment = (index: number, text: string) => event({ tool_calls: [{ index, function: { arguments: text } }] });
  return {
    begin: (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }),
    text: (text) => event({ role: 'assistant', content: text }),
    calls: (calls) => {
      const heads = calls.map(({ name }, index) =>
        event({ tool_calls: [{ index, id: `call_${index}`, type: 'function', function: { name, arguments: '' } }] }),
      );
      // Fragments of several calls arrive interleaved, as some servers send them.
      const first = calls.map((call, index) => fragment(index, call.arguments.slice(0, 9)));
      const rest = calls.map((call, index) => fragment(index, call.arguments.slice(9)));
      return [...heads, ...first, ...rest].join('');
    },
    end: (reason) => {
      const total = `data: ${JSON.stringify({ ...shared, object: 'chat.completion.chunk', choices: [], usage })}\n\n`;
      return `${event({}, reason === 'calls' ? 'tool_calls' : 'stop')}${includeUsage ? total : ''}data: [DONE]\n\n`;
    },
    whole: (text, calls) => {
      const toolCalls = calls.map((call, index) => ({ id: `call_${index}`, type: 'function', function: call }));
      const message = { role: 'assistant', content: text, ...(calls.length > 0 ? { tool_calls: toolCalls } : {}) };
      const finish = calls.length > 0 ? 'tool_calls' : 'stop';
      return { ...shared, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: finish }], usage };
    },
  };
}

/** Ollama's native chat: one JSON object a line, each tool call whole, arguments as an object. */
export function ollamaFormat(model: string): ReplyFormat {
  const head = { model, created_at: '2026-01-01T00:00:00Z' };
  const done = { done: true, done_reason: 'stop', prompt_eval_count: usage.prompt_tokens, eval_count: usage.completion_tokens };
  const line = (message: object) => `${JSON.stringify({ ...head, message, done: false })}\n`;
  const native = (call: ScriptedCall) => ({ function: { name: call.name, arguments: asObject(call.arguments) } });
  return {
    begin: (response) => response.writeHead(200, { 'content-type': 'application/x-ndjson' }),
    text: (text) => line({ role: 'assistant', content: text }),
    calls: (calls) => calls.map((call) => line({ role: 'assistant', content: '', tool_calls: [native(call)] })).join(''),
    end: () => `${JSON.stringify({ ...head, message: { role: 'assistant', content: '' }, ...done })}\n`,
    whole: (text, calls) => {
      const toolCalls = calls.length > 0 ? { tool_calls: calls.map(native) } : {};
      return { ...head, message: { role: 'assistant', content: text, ...toolCalls }, ...done };
    },
  };
}

// This protocol has no place for arguments that are no JSON: they stay the text they are.
function asObject(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
