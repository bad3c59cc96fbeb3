import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { sleep } from '@megabot/lifecycle/backoff.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createOrchestrator, type OrchestratorOptions } from '../app.ts';
import type { ModelDriver, ModelReply, ModelRequest, ModelToolCall } from '../model/port.ts';
import type { ModelDriverOptions } from '../model/select.ts';
import { serveInterlock } from './fake-interlock.ts';
import { serveMemory, type Fault } from './fake-memory.ts';

/** What the model does with a request; text that is returned is also streamed. */
export type Script = (request: ModelRequest, count: number) => Partial<ModelReply> | Promise<Partial<ModelReply>>;

interface Delta {
  readonly turnId: string;
  readonly attempt: number;
  readonly index: number;
  readonly text: string;
}

/** The orchestrator between a memory, an interlock and a model that the test directs. */
export async function startOrchestrator(options: OrchestratorOptions & { realModel?: boolean } = {}) {
  const { realModel, ...orchestratorOptions } = options;
  const hub = createInProcessHub();
  const logger = silentLogger();
  const fault: { current: Fault } = { current: () => false };
  const memory = await serveMemory(hub.bus('memory', { logger }), fault);
  const interlock = await serveInterlock(hub.bus('interlock', { logger }), memory);
  const gateway = hub.bus('gateway', { logger });
  const deltas: Delta[] = [];
  await gateway.follow(async ({ event, payload }) => {
    if (event.topic === 'delta') deltas.push(payload as Delta);
  });
  const requests: ModelRequest[] = [];
  const opened: ModelDriverOptions[] = [];
  const closed: string[] = [];
  let script: Script = () => ({ text: 'hello' });
  const createModel = (driverOptions: ModelDriverOptions): ModelDriver => {
    opened.push(driverOptions);
    return {
      name: driverOptions.url,
      async chat(request) {
        requests.push(request);
        const reply = await script(request, requests.length);
        if (reply.text) request.onText(reply.text);
        return { text: '', toolCalls: [], stopReason: 'stop', ...reply };
      },
      probe: async () => ({ reachable: true, model: 'm', detail: 'answers' }),
      close: async () => {
        closed.push(driverOptions.url);
      },
    };
  };
  const start = async () =>
    await createOrchestrator(
      { retryMs: 20, heartbeatMs: 50, graceMs: 50, ...orchestratorOptions },
      { bus: hub.bus('orchestrator', { logger }), logger, ...(realModel ? {} : { createModel }) },
    );
  const orchestrator = await start();
  const ended = async (turnId: string): Promise<{ status: string; text: string }> => {
    await until(() => memory.state(turnId).answer !== undefined, 'an answer');
    const { status, answer } = memory.state(turnId);
    return { status, text: answer ?? '' };
  };
  return {
    hub,
    gateway,
    memory,
    interlock,
    fault,
    requests,
    opened,
    closed,
    deltas,
    ended,
    says(next: Script): void {
      script = next;
    },
    /** Sends a message and waits for its answer. */
    ask: async (...message: Parameters<typeof memory.send>) => await ended(await memory.send(...message)),
    waiting: async (turnId: string) => await until(() => memory.state(turnId).status === 'waiting', 'waiting'),
    /** The text that a client has put together of the newest attempt. */
    shown(turnId: string): string {
      const own = deltas.filter((delta) => delta.turnId === turnId);
      const attempt = Math.max(...own.map((delta) => delta.attempt));
      return own.filter((delta) => delta.attempt === attempt).toSorted((a, b) => a.index - b.index).map((delta) => delta.text).join('');
    },
    async close(): Promise<void> {
      await orchestrator.close();
      await hub.close();
    },
  };
}

export type Harness = Awaited<ReturnType<typeof startOrchestrator>>;

export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    if (condition()) return;
    await sleep(5);
  }
  throw new Error(`never came: ${what}`);
}

let calls = 0;
/** A well-formed call, as a driver hands it on. */
export function toolCall(name: string, input: unknown): ModelToolCall {
  calls += 1;
  return { id: `call_${calls}`, name, arguments: input, rawArguments: JSON.stringify(input), malformed: false };
}

export function malformedCall(name: string, raw: string): ModelToolCall {
  calls += 1;
  return { id: `call_${calls}`, name, arguments: undefined, rawArguments: raw, malformed: true };
}

/** The results of tools that a request ends with. */
export function toolResults(request: ModelRequest): string[] {
  const lastOther = request.messages.findLastIndex((message) => message.role !== 'tool');
  return request.messages.slice(lastOther + 1).map((message) => message.text);
}

/** Proposes these calls first, and answers with the tools' results after. */
export const callsThenReports =
  (...toolCalls: ModelToolCall[]): Script =>
  (request) => {
    const results = toolResults(request);
    return results.length > 0 ? { text: `tool said: ${results.join(' | ')}` } : { toolCalls, stopReason: 'tool_calls' };
  };
