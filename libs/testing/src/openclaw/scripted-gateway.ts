import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { verifyText } from '@megabot/crypto/ed25519.ts';
import { WebSocketServer, type WebSocket } from 'ws';
import { agentRow, channelRow, createScriptedSessions, mirrorRow, turnEnd, type ScriptedMessage, type ScriptedRow, type ScriptedSessions } from './scripted-sessions.ts';

type Json = Readonly<Record<string, unknown>>;

export interface ScriptedRequest {
  readonly method: string;
  readonly params: Json;
}

/** Where a test makes the gateway other than the real one; each may be changed while it runs. */
export interface GatewayScript {
  /** Instead of the challenge; returning true means that nothing else is sent. */
  greet?: ((socket: WebSocket, raw: Duplex) => boolean) | undefined;
  nonce?: string | undefined;
  /** Changes the payload of hello-ok. */
  hello?: ((hello: Record<string, unknown>) => unknown) | undefined;
  /** Refuses every `connect`. */
  refuse?: Json | undefined;
  /** After hello-ok. */
  welcomed?: ((socket: WebSocket, raw: Duplex) => void) | undefined;
  /** Instead of the usual answer; undefined leaves it usual, `silence` gives none at all. */
  answer?: ((request: ScriptedRequest, socket: WebSocket) => { payload: unknown } | { error: Json } | 'silence' | undefined) | undefined;
  /** HTTP status instead of the upgrade. */
  upgradeStatus?: number | undefined;
}

/** A gateway that speaks OpenClaw's protocol 4 as the real one was seen to, and misbehaves where its script says so. */
export interface ScriptedGateway extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly script: GatewayScript;
  readonly sessions: ScriptedSessions;
  /** All requests of all connections, `connect` included. */
  readonly requests: readonly ScriptedRequest[];
  /** What went out to a platform, in order. */
  readonly sent: readonly { to: string; channel: string; account: string; text: string; key: string }[];
  /** Sockets that were opened, and those still open. */
  readonly connections: number;
  readonly open: number;
  readonly deviceTokens: ReadonlySet<string>;
  /** A person writes; subscribers are told unless `quiet`. */
  receive(message: ScriptedMessage, options?: { quiet?: boolean }): ScriptedRow;
  agentSays(sessionKey: string, text: string): void;
  /** A whole turn of its agent: these rows, of which those of tools come without an event, and the end. */
  agentTurn(sessionKey: string, rows: readonly ScriptedRow[], options: { delivers: boolean }): void;
  /** Sends an event to every welcomed connection. */
  broadcast(event: string, payload: unknown): void;
  /** Cuts all connections without a word. */
  cut(): void;
  /** Closes with 1012 and forgets what a process forgets: the idempotency keys. */
  restart(): void;
  /** Revokes every device token. */
  revoke(): void;
}

export const methodsOfTheRealOne = ['sessions.subscribe', 'sessions.messages.subscribe', 'sessions.list', 'chat.history', 'chat.send', 'chat.abort', 'send', 'message.action', 'tools.invoke', 'config.get', 'exec.approval.resolve'];

export async function startScriptedGateway(options: { authToken?: string; port?: number; script?: GatewayScript } = {}): Promise<ScriptedGateway> {
  const authToken = options.authToken ?? 'shared-token-of-the-gateway';
  const script: GatewayScript = { ...options.script };
  const sessions = createScriptedSessions();
  const requests: ScriptedRequest[] = [];
  const sent: { to: string; channel: string; account: string; text: string; key: string }[] = [];
  const deviceTokens = new Set<string>();
  const welcomed = new Set<WebSocket>();
  const subscribed = new Set<WebSocket>();
  let delivered = new Map<string, unknown>();
  let bootId: string = randomUUID();
  let connections = 0;
  let platformId = 500_000;
  let seq = 0;

  const push = (socket: WebSocket, event: string, payload: unknown): void => socket.send(JSON.stringify({ type: 'event', event, payload, seq: seq++ }));
  const tell = (sessionKey: string, row: ScriptedRow): void => {
    for (const socket of subscribed) push(socket, 'session.message', { sessionKey, message: row, session: { key: sessionKey } });
  };

  const connect = (params: Json, nonce: string): { payload: unknown } | { error: Json } => {
    if (script.refuse) return { error: script.refuse };
    const device = params['device'] as Readonly<Record<string, string | number>>;
    const client = params['client'] as Readonly<Record<string, string>>;
    const token = (params['auth'] as Readonly<Record<string, string>> | undefined)?.['token'] ?? '';
    const scopes = params['scopes'] as readonly string[];
    const input = ['v3', device['id'], client['id'], client['mode'], params['role'], scopes.join(','), device['signedAt'], token, device['nonce'], client['platform'], ''].join('|');
    const publicKey = String(device['publicKey']);
    if (device['nonce'] !== nonce) return refusal('DEVICE_AUTH_NONCE_MISMATCH');
    if (createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex') !== device['id']) return refusal('DEVICE_AUTH_DEVICE_ID_MISMATCH');
    if (!verifyText(publicKey, Buffer.from(input, 'utf8'), String(device['signature']))) return refusal('DEVICE_AUTH_SIGNATURE_INVALID');
    const byDevice = deviceTokens.has(token);
    if (!byDevice && token !== authToken) return refusal('AUTH_TOKEN_MISMATCH');
    const issued = byDevice ? undefined : randomBytes(32).toString('base64url');
    if (issued) deviceTokens.add(issued);
    const hello = {
      type: 'hello-ok', protocol: 4, server: { version: '2026.9.6', bootId, connId: randomUUID() },
      features: { methods: methodsOfTheRealOne, events: ['session.message', 'tick'] },
      snapshot: { sessionDefaults: { defaultAgentId: 'main', mainSessionKey: 'agent:main:main', scope: 'per-sender' } },
      auth: { method: byDevice ? 'device-token' : 'token', role: params['role'], scopes, ...(issued ? { deviceToken: issued, issuedAtMs: Date.now() } : {}) },
      policy: { maxPayload: 26_214_400, tickIntervalMs: 30_000 },
    };
    return { payload: script.hello ? script.hello(hello) : hello };
  };

  const send = (params: Json): unknown => {
    const key = String(params['idempotencyKey']);
    const known = delivered.get(key);
    if (known) return known;
    const result = { runId: key, messageId: String(platformId++), channel: params['channel'] };
    delivered.set(key, result);
    sent.push({ to: String(params['to']), channel: String(params['channel']), account: String(params['accountId']), text: String(params['message']), key });
    const sessionKey = typeof params['sessionKey'] === 'string' ? params['sessionKey'] : 'agent:main:main';
    tell(sessionKey, sessions.add(sessionKey, mirrorRow(String(params['message']), key)));
    return result;
  };

  const usual = (request: ScriptedRequest, socket: WebSocket): { payload: unknown } | { error: Json } => {
    switch (request.method) {
      case 'sessions.subscribe':
        subscribed.add(socket);
        return { payload: { subscribed: true, list: sessions.list(request.params) } };
      case 'chat.history':
        return { payload: sessions.history(request.params) };
      case 'send':
        return { payload: send(request.params) };
      default:
        return { error: { code: 'INVALID_REQUEST', message: `unknown method: ${request.method}` } };
    }
  };

  const serve = (socket: WebSocket, raw: Duplex): void => {
    connections += 1;
    socket.on('error', () => {});
    const nonce = script.nonce ?? randomUUID();
    if (script.greet?.(socket, raw) === true) return;
    push(socket, 'connect.challenge', { nonce, ts: Date.now(), capabilities: [] });
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as { id: string; method: string; params?: Json };
      const request = { method: frame.method, params: frame.params ?? {} };
      requests.push(request);
      const answer = welcomed.has(socket) ? (script.answer?.(request, socket) ?? usual(request, socket)) : connect(request.params, nonce);
      if (answer === 'silence') return;
      const ok = 'payload' in answer;
      socket.send(JSON.stringify({ type: 'res', id: frame.id, ok, ...answer }));
      if (welcomed.has(socket)) return;
      if (!ok) return socket.close(1008, 'refused');
      welcomed.add(socket);
      script.welcomed?.(socket, raw);
    });
    socket.on('close', () => {
      welcomed.delete(socket);
      subscribed.delete(socket);
    });
  };

  const server = createServer((_request, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on('upgrade', (request, raw, head) => {
    raw.on('error', () => {});
    if (script.upgradeStatus !== undefined) return void raw.end(`HTTP/1.1 ${script.upgradeStatus} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    sockets.handleUpgrade(request, raw, head, (socket) => serve(socket, raw));
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const port = (server.address() as AddressInfo).port;

  return {
    url: `ws://127.0.0.1:${port}`, port, script, sessions, requests, sent, deviceTokens,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.clients.size;
    },
    receive(message, { quiet = false } = {}) {
      const key = message.sessionKey ?? `agent:main:${message.channel ?? 'telegram'}:direct:${message.from}`;
      const row = sessions.add(key, channelRow(message));
      if (!quiet) tell(key, row);
      return row;
    },
    agentSays(sessionKey, text) {
      tell(sessionKey, sessions.add(sessionKey, agentRow(text)));
    },
    agentTurn(sessionKey, rows, turn) {
      for (const row of rows) {
        const added = sessions.add(sessionKey, row);
        if (row['role'] === 'assistant') tell(sessionKey, added);
      }
      for (const socket of subscribed) push(socket, 'sessions.changed', turnEnd(sessionKey, turn));
    },
    broadcast(event, payload) {
      for (const socket of welcomed) push(socket, event, payload);
    },
    cut() {
      for (const socket of sockets.clients) socket.terminate();
    },
    restart() {
      delivered = new Map();
      bootId = randomUUID();
      for (const socket of sockets.clients) {
        push(socket, 'shutdown', { reason: 'gateway restarting', restartExpectedMs: 1_500 });
        socket.close(1012, 'service restart');
      }
    },
    revoke: () => deviceTokens.clear(),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const refusal = (code: string): { error: Json } => ({ error: { code: 'INVALID_REQUEST', message: 'unauthorized', details: { code } } });
