import { Ollama, type Message, type Tool } from 'ollama/browser';
import { z } from 'zod';
import { ignoring } from './link-errors.ts';
import { createModelChooser, type DriverDeps } from './model-choice.ts';
import { nameOf, type ServerName } from './server-address.ts';
import { createModelLink, type Fetch, type ModelLinkOptions } from './model-link.ts';
import { cloudRefusal, isCloudName, isRemote, RemoteMarks } from './ollama-cloud.ts';
import type { ModelDriver, ModelMessage, ModelReply, ModelRequest, ModelTool, StopReason } from './port.ts';
import { describeFailure, describeModels } from './probe-detail.ts';
import { argumentsForHistory, createCallBudget, readToolCalls, type SentToolCall } from './tool-calls.ts';

export interface OllamaOptions extends ModelLinkOptions {
  /** Undefined takes the first model that the server lists. */
  readonly model: string | undefined;
  /** `num_ctx`: without it Ollama cuts long conversations at its own small default, silently. */
  readonly contextTokens: number;
}

const Chunk = RemoteMarks.extend({
  message: z.object({
    content: z.string().nullish(),
    tool_calls: z.array(z.object({ id: z.string().nullish(), function: z.object({ name: z.string(), arguments: z.unknown() }) })).nullish(),
  }),
  done: z.boolean().nullish(),
  done_reason: z.string().nullish(),
  prompt_eval_count: z.number().nullish(),
  eval_count: z.number().nullish(),
});
type Chunk = z.infer<typeof Chunk>;

const Listing = z.object({ models: z.array(RemoteMarks.extend({ name: z.string() })) });

/** Drives Ollama over its native API. */
export function createOllamaDriver(options: OllamaOptions, deps: DriverDeps = {}): ModelDriver {
  const link = createModelLink(options, deps);
  const host = options.url.href.replace(/\/$/, '');
  const shown = nameOf(options).href.replace(/\/$/, '');

  // The package takes an abort signal for all its requests together only; bound to an exchange, each has its own.
  const client = (fetch: Fetch) => new Ollama({ host, fetch: strictLines(fetch) });

  const listUsable = async (signal: AbortSignal): Promise<string[]> => {
    const listing = await link.exchange(signal, async (fetch) => Listing.parse(await client(fetch).list()));
    return listing.models.filter((model) => !options.localOnly || !(isCloudName(model.name) || isRemote(model))).map((model) => model.name);
  };

  const check = async (model: string, signal: AbortSignal): Promise<void> => {
    if (!options.localOnly) return;
    if (isCloudName(model)) throw cloudRefusal(model);
    const shown = await link.exchange(signal, async (fetch) => RemoteMarks.parse(await client(fetch).show({ model })));
    if (isRemote(shown)) throw cloudRefusal(model);
  };

  const chooseModel = createModelChooser({ wanted: options.model, server: `Ollama at ${shown}`, list: listUsable, check }, deps.clock);

  return {
    name: `ollama at ${shown}`,

    async chat(request) {
      const model = await chooseModel(request.signal);
      return await link.exchange(request.signal, async (fetch) => {
        const stream = await client(fetch).chat({
          model,
          messages: request.messages.map(toOllama),
          stream: true,
          options: { num_ctx: options.contextTokens },
          ...(request.tools.length > 0 ? { tools: request.tools.map(toOllamaTool) } : {}),
        });
        return await collect(stream, request, nameOf(options), (chunk) => {
          if (options.localOnly && isRemote(chunk)) throw cloudRefusal(model);
        });
      });
    },

    async probe(signal) {
      try {
        const usable = await listUsable(signal);
        const wanted = options.model ?? usable[0];
        const found = usable.some((name) => name === wanted || name === `${wanted}:latest`);
        // A model that the list leaves out because it runs elsewhere is refused, not called missing.
        if (wanted !== undefined) await check(wanted, signal).catch(ignoring('model_missing'));
        return describeModels(`Ollama at ${shown}`, options.model, found ? wanted : undefined, usable);
      } catch (error) {
        return describeFailure(error);
      }
    },

    close: link.close,
  };
}

async function collect(
  stream: AsyncIterable<unknown>,
  request: ModelRequest,
  server: ServerName,
  check: (chunk: Chunk) => void,
): Promise<ModelReply> {
  const calls: SentToolCall[] = [];
  const spend = createCallBudget(server);
  let text = '';
  let last: Chunk | undefined;
  for await (const sent of stream) {
    last = Chunk.parse(sent);
    check(last);
    const delta = last.message.content ?? '';
    if (delta !== '') {
      text += delta;
      request.onText(delta);
    }
    for (const call of last.message.tool_calls ?? []) {
      calls.push({ id: call.id ?? undefined, name: call.function.name, arguments: call.function.arguments });
      spend(calls.length, call.function.arguments);
    }
  }
  const toolCalls = readToolCalls(calls);
  const usage = typeof last?.eval_count === 'number' && { promptTokens: last.prompt_eval_count ?? 0, completionTokens: last.eval_count };
  return { text, toolCalls, stopReason: toStopReason(last?.done_reason, toolCalls.length > 0), ...(usage ? { usage } : {}) };
}

function toStopReason(reason: string | null | undefined, hasCalls: boolean): StopReason {
  if (reason === 'length') return 'length';
  if (hasCalls) return 'tool_calls';
  return reason === 'stop' ? 'stop' : 'other';
}

function toOllama(message: ModelMessage): Message {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.text };
    case 'tool':
      return { role: 'tool', content: message.text, tool_name: message.toolName };
    case 'assistant': {
      const toolCalls = (message.toolCalls ?? []).map((call) => ({ function: { name: call.name, arguments: argumentsForHistory(call) } }));
      return { role: 'assistant', content: message.text, ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}) };
    }
  }
}

function toOllamaTool(tool: ModelTool): Tool {
  const parameters = tool.parameters as NonNullable<Tool['function']['parameters']>;
  return { type: 'function', function: { name: tool.name, description: tool.description, parameters } };
}

/**
 * The package skips a line that is no JSON and prints it on the console. An answer with a hole is no answer,
 * and what a model says does not belong into a log: such a line fails the exchange instead.
 */
function strictLines(fetch: Fetch): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    if (!response.body || !response.headers.get('content-type')?.includes('ndjson')) return response;
    let partial = '';
    const check = (line: string) => void (line.trim() !== '' && JSON.parse(line));
    const lines = new TransformStream<string, string>({
      transform(text, controller) {
        const parts = (partial + text).split('\n');
        partial = parts.pop() ?? '';
        for (const part of parts) check(part);
        if (parts.length > 0) controller.enqueue(`${parts.join('\n')}\n`);
      },
      flush(controller) {
        check(partial);
        controller.enqueue(partial);
      },
    });
    const body = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(lines).pipeThrough(new TextEncoderStream());
    return new Response(body, { status: response.status, headers: response.headers });
  };
}
