import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ollamaFormat, openaiFormat, type ReplyFormat } from './scripted-model-formats.ts';
import { scriptedReply, type Scripted, type ScriptedCall, type ScriptMessage } from './scripted-model-script.ts';

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** The parsed body; undefined for a request without one. */
  readonly body: unknown;
  /** Tells connections apart. */
  readonly clientPort: number | undefined;
}

export interface ScriptedModel {
  /** Without a trailing slash: Ollama's base. Add `/v1` for the OpenAI-compatible one. */
  readonly url: string;
  /** Requests so far, oldest first; the last thousand are kept. Over HTTP: `GET /scripted/requests`. */
  requests(): readonly RecordedRequest[];
  /** Breaks whatever is under way. */
  close(): Promise<void>;
}

export interface ScriptedModelOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** The names served; any other is answered with 404, as real servers do. `latest` is implied, as in Ollama. */
export const scriptedModelName = 'scripted';
/** Listed by Ollama's API as one that really runs on another machine. */
export const remoteModelName = 'scripted-alias';

const remoteFields = { remote_model: 'big-model', remote_host: 'https://ollama.com:443' };
const requestsKept = 1000;
const bodyLimitBytes = 32 * 1024 * 1024;
const slowChunks = 10;

/** A model server whose answers are known in advance, over the OpenAI-compatible and Ollama's native protocol. */
export async function startScriptedModel(options: ScriptedModelOptions): Promise<ScriptedModel> {
  const recorded: RecordedRequest[] = [];
  const server = createServer((request, response) => {
    handle(request, response, recorded).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendJson(response, 400, { error: error instanceof Error ? error.message : 'bad request' });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    requests: () => [...recorded],
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function handle(request: IncomingMessage, response: ServerResponse, recorded: RecordedRequest[]): Promise<void> {
  const body = await readJson(request);
  const path = new URL(request.url ?? '/', 'http://scripted').pathname;
  const method = request.method ?? 'GET';
  if (path === '/scripted/requests') return sendJson(response, 200, recorded);
  recorded.push({ method, path, headers: request.headers, body, clientPort: request.socket.remotePort });
  if (recorded.length > requestsKept) recorded.shift();

  switch (`${method} ${path}`) {
    case 'GET /':
      return sendJson(response, 200, { status: 'the scripted model is running' });
    case 'GET /v1/models':
      return sendJson(response, 200, { object: 'list', data: [{ id: scriptedModelName, object: 'model', owned_by: 'scripted' }] });
    case 'GET /api/version':
      return sendJson(response, 200, { version: '0.0.0-scripted' });
    case 'GET /api/tags':
      return sendJson(response, 200, { models: [ollamaModel(scriptedModelName), { ...ollamaModel(remoteModelName), ...remoteFields }] });
    case 'POST /api/show':
      return showModel(response, textIn(fieldOf(body, 'model')));
    case 'POST /v1/chat/completions': {
      const model = textIn(fieldOf(body, 'model'));
      const missing = { error: { message: `The model ${model} does not exist`, code: 'model_not_found' } };
      if (!isServed(model)) return sendJson(response, 404, missing);
      const includeUsage = fieldOf(fieldOf(body, 'stream_options'), 'include_usage') === true;
      return await reply(response, openaiFormat(model, includeUsage), messagesOf(body), fieldOf(body, 'stream') === true);
    }
    case 'POST /api/chat': {
      const model = textIn(fieldOf(body, 'model'));
      if (!isServed(model)) return sendJson(response, 404, { error: `model '${model}' not found` });
      return await reply(response, ollamaFormat(model), messagesOf(body), fieldOf(body, 'stream') !== false);
    }
    default:
      return sendJson(response, 404, { error: 'not found' });
  }
}

async function reply(response: ServerResponse, format: ReplyFormat, messages: readonly ScriptMessage[], streaming: boolean): Promise<void> {
  const scripted = scriptedReply(messages);
  if (scripted.kind === 'fail') return sendJson(response, scripted.status, { error: { message: 'the script says so' } });
  if (scripted.kind === 'hang') {
    format.begin(response);
    response.flushHeaders();
    return;
  }
  if (!streaming && scripted.kind !== 'cut') {
    if (scripted.kind === 'slow') await delay(scripted.ms);
    return sendJson(response, 200, format.whole(textOf(scripted), callsOf(scripted)));
  }
  format.begin(response);
  if (scripted.kind === 'cut') {
    const begun = streaming ? format.text('this answer ') + format.text('is cut ') : '{"cut":';
    response.write(begun, () => response.destroy());
    return;
  }
  if (scripted.kind === 'slow') await streamSlowly(response, format, scripted.ms);
  else if (scripted.kind === 'calls') response.write(format.calls(scripted.calls));
  else for (const piece of scripted.text.match(/[^]{1,16}/gu) ?? []) response.write(format.text(piece));
  response.end(format.end(scripted.kind === 'calls' ? 'calls' : 'stop'));
}

async function streamSlowly(response: ServerResponse, format: ReplyFormat, ms: number): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  for (let chunk = 1; chunk <= slowChunks && !response.destroyed; chunk++) {
    response.write(format.text(slowPiece(chunk)));
    await delay(ms / slowChunks, undefined, { signal: gone.signal });
  }
}

function slowPiece(chunk: number): string {
  return `slow ${chunk} of ${slowChunks}\n`;
}

function textOf(scripted: Scripted): string {
  if (scripted.kind === 'slow') return Array.from({ length: slowChunks }, (_, index) => slowPiece(index + 1)).join('');
  return scripted.kind === 'text' ? scripted.text : '';
}

function callsOf(scripted: Scripted): readonly ScriptedCall[] {
  return scripted.kind === 'calls' ? scripted.calls : [];
}

function showModel(response: ServerResponse, model: string): void {
  const known = { details: { family: 'scripted' }, model_info: {}, capabilities: ['completion', 'tools'] };
  if (model === remoteModelName || model === `${remoteModelName}:latest`) return sendJson(response, 200, { ...known, ...remoteFields });
  if (isServed(model)) return sendJson(response, 200, known);
  sendJson(response, 404, { error: `model '${model}' not found` });
}

function isServed(model: string): boolean {
  return model === scriptedModelName || model === `${scriptedModelName}:latest`;
}

function ollamaModel(name: string): object {
  return { name: `${name}:latest`, model: `${name}:latest`, size: 1, digest: 'scripted', details: { family: 'scripted' } };
}

/** Reads messages of both protocols: content is a text or a list of parts. */
function messagesOf(body: unknown): ScriptMessage[] {
  const messages = fieldOf(body, 'messages');
  if (!Array.isArray(messages)) throw new TypeError('messages is not a list');
  return messages.map((message: unknown) => {
    const content = fieldOf(message, 'content');
    return { role: textIn(fieldOf(message, 'role')), text: textIn(content) };
  });
}

function textIn(content: unknown): string {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map((part: unknown) => textIn(fieldOf(part, 'text'))).join('') : '';
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimitBytes) throw new RangeError('the request is too large');
    chunks.push(chunk);
  }
  return size === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
