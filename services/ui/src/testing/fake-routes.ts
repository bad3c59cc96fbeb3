import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Approval } from '@megabot/contracts/approval.ts';
import type { Conversation } from '@megabot/contracts/conversation.ts';
import type { PolicyVersion } from '@megabot/contracts/endpoints/interlock.ts';
import type { ConversationGrant } from '@megabot/contracts/policy.ts';
import { sendJson as json, sendProblem as problem } from './fake-answers.ts';
import { seedAudit } from './fake-data.ts';
import { createFakeFiles } from './fake-files.ts';
import { createFakeMessengers } from './fake-messengers.ts';
import type { FakeWorld } from './fake-world.ts';

export const fakeToken = 'a-token-for-the-fake-gateway';
export const fakeCode = 'one-time-code';

type Body = Readonly<Record<string, unknown>>;
export type FakeRoutes = ReturnType<typeof createFakeRoutes>;

/** The HTTP side of the fake gateway. It checks the token and `If-Match`, and nothing else: it guards nothing. */
export function createFakeRoutes(world: FakeWorld) {
  const sessions = new Set<string>();
  const codes = new Set([fakeCode]);
  let policy = { allow: ['ls', 'git status'], deny: ['rm -rf /'], matching: 'commands', version: 1, lockdown: false, warnings: [] as string[], grants: [] as ConversationGrant[] };
  const messengers = createFakeMessengers();
  const files = createFakeFiles();
  const versions: PolicyVersion[] = [{ id: 1, at: Date.now() - 86_400_000, by: 'by hand', summary: 'The first version.', version: 'v1' }];
  const noteVersion = (summary: string) => versions.unshift({ id: versions.length + 1, at: Date.now(), by: 'owner', summary, version: `v${policy.version}` });

  const signedIn = (request: IncomingMessage) => sessions.has(/session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? '');
  const sendPolicy = (response: ServerResponse) => json(response, { ...policy, version: `v${policy.version}` }, { etag: `"v${policy.version}"` });

  function signIn(response: ServerResponse, body: Body): unknown {
    const byCode = body['code'] !== undefined;
    if (!(byCode ? codes.delete(String(body['code'])) : body['token'] === fakeToken)) {
      return problem(response, 401, byCode ? 'code_used' : 'auth_failed', byCode ? 'This sign-in link was already used.' : 'The token is wrong.', 'Print a new link with make up, or sign in with the token.');
    }
    const session = randomUUID();
    sessions.add(session);
    return json(response, { principal: 'owner', expiresAt: Date.now() + 86_400_000 }, { 'set-cookie': `session=${session}; HttpOnly; SameSite=Strict; Path=/` });
  }

  function decide(response: ServerResponse, key: string, body: Body): unknown {
    const approval = world.approvals.get(key);
    if (!approval) return problem(response, 404, 'approval_unknown', 'No such approval.', 'List the pending ones.');
    if (policy.lockdown) return problem(response, 423, 'lockdown', 'Lockdown: nothing runs.', 'Lift it by entering the token again.');
    if (approval.expiresAt < Date.now()) approval.status = 'expired';
    if (approval.status === 'expired') return problem(response, 410, 'approval_expired', 'The approval has expired.', 'Ask for the action again.');
    if (approval.status !== 'pending') return problem(response, 409, 'approval_decided', 'The approval was already decided.', 'Nothing to do: the first decision stands.');
    if (body['scope'] === 'always') policy = { ...policy, allow: [...policy.allow, `=${approval.command}`], version: policy.version + 1 };
    if (body['scope'] === 'conversation') policy = { ...policy, grants: [{ id: approval.id, conversation: approval.conversation, command: approval.command, grantedBy: 'owner', grantedAt: Date.now(), expiresAt: Date.now() + 3_600_000 }], version: policy.version + 1 };
    world.decide(approval, body['decision'] === 'approve' ? 'approve' : 'reject', 'owner', typeof body['reason'] === 'string' ? body['reason'] : undefined);
    return json(response, approval);
  }

  function edit(response: ServerResponse, old: Approval, command: string): unknown {
    world.end(old);
    if (command.startsWith('rm')) return json(response, { outcome: { decision: 'deny', rule: 'rm', reasons: ['`rm` is denied.'] }, approval: null });
    const approval = world.ask({ command, risk: old.risk, reasons: ['Edited by owner.'], conversation: old.conversation, turnId: old.turnId, more: { editedFrom: old.id } });
    return json(response, { outcome: { decision: 'ask', approvalId: approval.id, shortId: approval.shortId, expiresAt: approval.expiresAt, reasons: approval.reasons }, approval });
  }

  function fixed(at: string, request: IncomingMessage, response: ServerResponse, body: Body): unknown {
    switch (at) {
      case 'DELETE /api/v1/session':
        sessions.clear();
        return response.writeHead(204).end();
      case 'POST /api/v1/unlock':
        if (body['token'] !== fakeToken) return problem(response, 401, 'auth_failed', 'The token is wrong.', 'Enter the token of this MegaBot.');
        policy = { ...policy, lockdown: false };
        return sendPolicy(response);
      case 'GET /api/v1/conversations':
        return json(response, { conversations: [...world.conversations.values()] });
      case 'POST /api/v1/conversations':
        return json(response, world.conversationOf(world.newId('c')));
      case 'GET /api/v1/approvals':
        return json(response, { approvals: [...world.approvals.values()] });
      case 'GET /api/v1/policy':
        return sendPolicy(response);
      case 'PUT /api/v1/policy':
        if (request.headers['if-match'] !== `"v${policy.version}"`) return problem(response, 412, 'policy_conflict', 'The policy has changed meanwhile.', 'Read it again, then repeat the edit.');
        policy = { ...policy, allow: body['allow'] as string[], deny: body['deny'] as string[], version: policy.version + 1 };
        noteVersion(`allow: ${policy.allow.join(', ')}; deny: ${policy.deny.join(', ')}`);
        return sendPolicy(response);
      case 'POST /api/v1/policy/test':
        return json(response, {
          decision: 'ask', rule: null, reasons: ['No allow rule matches `rm -r build`.'], commands: [['ls', '-la'], ['rm', '-r', 'build']], warnings: ['It deletes a folder.'],
          parts: [
            { words: ['ls', '-la'], start: 0, end: 6, verdict: 'allow', rule: { list: 'allow', pattern: 'ls', index: 0 }, reason: 'covered' },
            { words: ['rm', '-r', 'build'], start: 10, end: 21, verdict: 'ask', rule: null, reason: 'no rule covers it' },
          ],
        });
      case 'POST /api/v1/policy/preview':
        return json(response, { looked: 40, matches: [{ command: `${String(body['pattern'])} --short`, times: 3 }] });
      case 'GET /api/v1/policy/history':
        return json(response, { versions });
      case 'POST /api/v1/policy/undo': {
        const restored = versions.find((one) => one.id === body['to']) ?? versions[1];
        if (!restored) return problem(response, 404, 'not_found', 'There is no such earlier version of the policy.', '');
        policy = { ...policy, allow: ['ls', 'git status'], version: policy.version + 1 };
        noteVersion(`Version ${restored.id} put back.`);
        return json(response, { policy: { ...policy, version: `v${policy.version}` }, restored });
      }
      case 'POST /api/v1/approvals/batch': {
        const wanted = (body['approvalIds'] as string[]).flatMap((id) => world.approvals.get(id) ?? []);
        if (wanted.some((approval) => approval.status !== 'pending')) return problem(response, 400, 'bad_request', 'None was decided: one of them is decided already.', 'Look at the list again.');
        for (const approval of wanted) world.decide(approval, body['decision'] === 'approve' ? 'approve' : 'reject');
        return json(response, { decided: wanted.map((approval) => ({ approval, runId: approval.runId ?? null })) });
      }
      case 'GET /api/v1/audit':
        return json(response, { entries: seedAudit(), nextCursor: null });
      case 'POST /api/v1/audit/verify':
        return json(response, { ok: true, entries: seedAudit().length, firstBreak: null });
      case 'POST /api/v1/memory':
        for (const item of body['items'] as { text: string }[]) world.memory.set(world.newId('i'), item.text);
        return json(response, { ids: [] });
      case 'POST /api/v1/memory/recall': {
        const found = [...world.memory].filter(([, text]) => text.toLowerCase().includes(String(body['query']).toLowerCase()));
        return json(response, { mode: 'text', items: found.map(([id, text]) => ({ id, externalId: null, text, score: 1, why: 'contains the words' })) });
      }
      case 'DELETE /api/v1/memory':
        for (const id of body['ids'] as string[]) world.memory.delete(id);
        return json(response, { count: 1, ids: body['ids'] });
      default:
        return undefined;
    }
  }

  function byId(url: URL, method: string, response: ServerResponse, body: Body): unknown {
    const [, , , kind, key = '', part] = url.pathname.split('/');
    const turn = world.turns.get(key);
    const run = world.runs.get(key);
    const approval = world.approvals.get(key);
    if (kind === 'conversations' && part === 'messages') {
      const before = Number(url.searchParams.get('cursor') ?? Number.MAX_SAFE_INTEGER);
      const all = world.messages.filter((message) => message.conversation === key && message.seq < before);
      const page = all.slice(-50);
      return json(response, { messages: page, nextCursor: all.length > 50 ? String(page[0]?.seq) : null });
    }
    if (kind === 'conversations' && method === 'PATCH') {
      const changed: Conversation = { ...world.conversationOf(key), ...body, updatedAt: Date.now() };
      world.conversations.set(key, changed);
      return json(response, changed);
    }
    if (kind === 'turns' && turn && part === 'cancel') {
      world.finish(turn, 'Stopped.', 'cancelled');
      return json(response, { turnId: turn.id, approvals: 0, runs: 0 });
    }
    if (kind === 'turns' && turn) return json(response, { ...turn, answer: null });
    if (kind === 'runs' && run) return json(response, run);
    if (kind === 'policy' && key === 'grants' && method === 'DELETE') {
      policy = { ...policy, grants: policy.grants.filter((grant) => grant.id !== part), version: policy.version + 1 };
      return sendPolicy(response);
    }
    if (kind === 'approvals' && approval && part === 'edit') return edit(response, approval, String(body['command']));
    if (kind === 'approvals' && method === 'POST') return decide(response, key, body);
    if (kind === 'approvals' && approval) return json(response, approval);
    return problem(response, 404, 'not_found', 'There is no such thing.', 'Check the id.');
  }

  return {
    signedIn, messengers, files,
    setPolicy(change: Partial<Pick<typeof policy, 'lockdown' | 'warnings' | 'matching' | 'grants'>>): void {
      policy = { ...policy, ...change };
    },
    /** As if somebody else had edited the policy. */
    bumpPolicy(): void {
      policy = { ...policy, version: policy.version + 1 };
    },
    handle(request: IncomingMessage, response: ServerResponse, body: Body): void {
      const url = new URL(request.url ?? '/', 'http://fake');
      const method = request.method ?? 'GET';
      const at = `${method} ${url.pathname}`;
      if (url.pathname === '/health') {
        json(response, { status: 'degraded', version: '0.1.0', deployment: 'stack', encryption: { required: false }, lockdown: policy.lockdown, bridges: messengers.health(), warnings: ['Encryption of the native WebSocket is off: MEGABOT_WS_PASSWORD is empty.'],
          services: { gateway: { ok: true, detail: 'ready' }, memory: { ok: true, detail: 'ready' }, interlock: { ok: true, detail: 'ready' }, orchestrator: { ok: false, detail: 'no model at http://127.0.0.1:11434' }, sandbox: { ok: true, detail: 'docker' } }, });
      } else if (at === 'POST /api/v1/session') signIn(response, body);
      else if (!signedIn(request)) problem(response, 401, 'unauthenticated', 'Not signed in.', 'Sign in.');
      else if (files.handle(url, response) || messengers.handle(at, response, body)) return;
      else if (fixed(at, request, response, body) === undefined) byId(url, method, response, body);
    },
  };
}
