import { randomUUID } from 'node:crypto';
import { ModelError, type ModelToolCall } from './port.ts';
import type { ServerName } from './server-address.ts';

/** A tool call as a server sent it: `arguments` as text, or already parsed; an id perhaps missing or repeated. */
export interface SentToolCall {
  readonly id: string | undefined;
  readonly name: string;
  readonly arguments: unknown;
}

const maxCalls = 256;
/** The longest text that a tool takes, whatever its characters become in JSON. */
const maxCharacters = 2 * 1024 * 1024;

/** Counts what the tool calls of one reply take, while they come in. A call's further pieces count as no new call. */
export function createCallBudget(server: ServerName): (calls: number, arguments_: unknown) => void {
  let characters = 0;
  const refuse = (what: string): never => {
    throw new ModelError('bad_reply', `The model at ${server.origin} sent ${what}.`, { hint: 'Nothing of it was done. Ask again, perhaps for less at once, or use another model.' });
  };
  return (calls, sent) => {
    characters += typeof sent === 'string' ? sent.length : sent === undefined ? 0 : JSON.stringify(sent).length;
    if (calls > maxCalls) refuse(`more than ${maxCalls} tool calls in one reply`);
    if (characters > maxCharacters) refuse('tool calls whose arguments are longer than any tool takes');
  };
}

/** Gives each call of one reply a unique id, and its arguments both as the model wrote them and parsed. */
export function readToolCalls(sent: readonly SentToolCall[]): ModelToolCall[] {
  const seen = new Set<string>();
  return sent.map((call) => {
    const id = call.id && !seen.has(call.id) ? call.id : `call_${randomUUID()}`;
    seen.add(id);
    return { id, name: call.name, ...readArguments(call.arguments) };
  });
}

/** The arguments of an earlier call as a server can take them back: templates fail on anything but a JSON object. */
export function argumentsForHistory(call: ModelToolCall): Record<string, unknown> {
  return isObject(call.arguments) ? call.arguments : {};
}

function readArguments(sent: unknown): Pick<ModelToolCall, 'arguments' | 'rawArguments' | 'malformed'> {
  const raw = typeof sent === 'string' ? sent : sent === undefined || sent === null ? '' : JSON.stringify(sent);
  // A tool without parameters is called with nothing at all by some servers.
  const parsed = raw.trim() === '' ? {} : parseJson(raw);
  return isObject(parsed)
    ? { arguments: parsed, rawArguments: raw, malformed: false }
    : { arguments: undefined, rawArguments: raw, malformed: true };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
