import OpenAI, { APIError } from 'openai';
import { z } from 'zod';
import { ignoring, withoutKey } from './link-errors.ts';
import { createModelChooser, type DriverDeps } from './model-choice.ts';
import { createModelLink, type Fetch, type ModelLinkOptions } from './model-link.ts';
import { cloudRefusal, isCloudName, isRemote, RemoteMarks } from './ollama-cloud.ts';
import { createToolCallAssembly } from './openai-tool-calls.ts';
import {
  ModelError,
  type ModelDriver,
  type ModelMessage,
  type ModelReply,
  type ModelRequest,
  type ModelTool,
  type StopReason,
} from './port.ts';
import { describeFailure, describeModels } from './probe-detail.ts';
import { nameOf, type ServerName } from './server-address.ts';
import { argumentsForHistory, createCallBudget, readToolCalls } from './tool-calls.ts';

export interface OpenaiOptions extends ModelLinkOptions {
  /** Undefined takes the first model that the server lists. */
  readonly model: string | undefined;
}

const Chunk = z.object({
  choices: z
    .array(
      z.object({
        delta: z
          .object({
            content: z.string().nullish(),
            tool_calls: z
              .array(
                z.object({
                  index: z.number().nullish(),
                  id: z.string().nullish(),
                  function: z.object({ name: z.string().nullish(), arguments: z.unknown() }).nullish(),
                }),
              )
              .nullish(),
          })
          .nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
});
type Chunk = z.infer<typeof Chunk>;

const OllamaVersion = z.object({ version: z.string() });
const noTimeoutMs = 2 ** 31 - 1;

/** Drives any server that speaks OpenAI's chat completions: LM Studio, LocalAI, llama.cpp, vLLM, Ollama's `/v1`. */
export function createOpenaiDriver(options: OpenaiOptions, deps: DriverDeps = {}): ModelDriver {
  const link = createModelLink(options, deps);

  const client = (fetch: Fetch) =>
    new OpenAI({
      baseURL: options.url.href,
      // The link sends the key; every other default here would be read from the environment.
      apiKey: 'none',
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      fetch,
      maxRetries: 0,
      timeout: noTimeoutMs,
      logLevel: 'off',
    });
  const listUsable = async (signal: AbortSignal): Promise<string[]> => {
    const models = await link.exchange(signal, async (fetch) => (await client(fetch).models.list()).data.map((model) => model.id));
    return models.filter((id) => !options.localOnly || !isCloudName(id));
  };

  const check = async (model: string, signal: AbortSignal): Promise<void> => {
    if (!options.localOnly) return;
    if (isCloudName(model)) throw cloudRefusal(model);
    // Only Ollama has models that run elsewhere, and it answers on its native paths beside /v1;
    // a server that is there and does not know these paths is no Ollama.
    const native = async (path: string, init?: RequestInit): Promise<unknown> =>
      await link
        .exchange(signal, async (fetch) => await (await fetch(new URL(path, options.url.origin), init)).json())
        .catch(ignoring('http_status', 'model_missing', 'bad_reply'));
    if (!OllamaVersion.safeParse(await native('/api/version')).success) return;
    const shown = RemoteMarks.safeParse(await native('/api/show', { method: 'POST', body: JSON.stringify({ model }) }));
    if (shown.success && isRemote(shown.data)) throw cloudRefusal(model);
  };

  const chooseModel = createModelChooser({ wanted: options.model, server: nameOf(options).href, list: listUsable, check }, deps.clock);

  return {
    name: `openai-compatible at ${nameOf(options).href}`,

    async chat(request) {
      const model = await chooseModel(request.signal);
      return await link.exchange(request.signal, async (fetch) => {
        try {
          const stream = await client(fetch).chat.completions.create(
            {
              model,
              messages: request.messages.map(toOpenai),
              stream: true,
              stream_options: { include_usage: true },
              ...(request.tools.length > 0 ? { tools: request.tools.map(toOpenaiTool) } : {}),
            },
            { signal: request.signal },
          );
          return await collect(stream, request, nameOf(options));
        } catch (error) {
          throw saidInStream(options, error) ?? error;
        }
      });
    },

    async probe(signal) {
      try {
        const usable = await listUsable(signal);
        const wanted = options.model ?? usable[0];
        if (wanted !== undefined) await check(wanted, signal);
        return describeModels(nameOf(options).href, options.model, usable.find((id) => id === wanted), usable);
      } catch (error) {
        return describeFailure(error);
      }
    },

    close: link.close,
  };
}

async function collect(stream: AsyncIterable<unknown>, request: ModelRequest, server: ServerName): Promise<ModelReply> {
  const calls = createToolCallAssembly();
  const spend = createCallBudget(server);
  let text = '';
  let finish: string | undefined;
  let usage: NonNullable<Chunk['usage']> | undefined;
  for await (const sent of stream) {
    const chunk = Chunk.parse(sent);
    usage = chunk.usage ?? usage;
    const choice = chunk.choices?.[0];
    finish = choice?.finish_reason ?? finish;
    const delta = choice?.delta?.content ?? '';
    if (delta !== '') {
      text += delta;
      request.onText(delta);
    }
    for (const fragment of choice?.delta?.tool_calls ?? []) {
      calls.add(fragment);
      spend(calls.size, fragment.function?.arguments);
    }
  }
  if (finish === undefined) {
    throw new ModelError('bad_reply', `The answer of ${server.origin} ended before it was finished.`, { hint: 'Try again.' });
  }
  const toolCalls = readToolCalls(calls.finish());
  return {
    text,
    toolCalls,
    stopReason: toStopReason(finish, toolCalls.length > 0),
    ...(usage ? { usage: { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens } } : {}),
  };
}

function toStopReason(finish: string, hasCalls: boolean): StopReason {
  if (finish === 'length' || finish === 'content_filter') return finish;
  // Some servers say "stop" after tool calls.
  if (hasCalls) return 'tool_calls';
  return finish === 'stop' ? 'stop' : 'other';
}

function toOpenai(message: ModelMessage): OpenAI.ChatCompletionMessageParam {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.text };
    case 'tool':
      return { role: 'tool', tool_call_id: message.toolCallId, content: message.text };
    case 'assistant': {
      if (!message.toolCalls || message.toolCalls.length === 0) return { role: 'assistant', content: message.text };
      const toolCalls = message.toolCalls.map((call) => ({
        id: call.id,
        type: 'function' as const,
        function: { name: call.name, arguments: JSON.stringify(argumentsForHistory(call)) },
      }));
      return { role: 'assistant', content: message.text, tool_calls: toolCalls };
    }
  }
}

function toOpenaiTool(tool: ModelTool): OpenAI.ChatCompletionTool {
  return { type: 'function', function: { name: tool.name, description: tool.description, parameters: { ...tool.parameters } } };
}

/** An error that the server wrote into the stream after it had answered 200. */
function saidInStream({ apiKey, ...server }: OpenaiOptions, error: unknown): ModelError | undefined {
  if (!(error instanceof APIError) || error.status !== undefined || error.error === undefined) return undefined;
  return new ModelError('bad_reply', `${nameOf(server).origin} broke off: ${withoutKey(error.message, apiKey).slice(0, 300)}`, {
    hint: 'Look at the log of the model server.',
    cause: error,
  });
}
