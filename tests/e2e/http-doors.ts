import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { uniqueWord } from '@megabot/testing/native-client.ts';
import { WebSocket } from 'ws';
import { http, messagesOf, newConversation, openTalk, type Doors } from './talk.ts';

/** Server-sent events as they come, until `enough` of them are there. */
async function readEvents(doors: Doors, headers: Record<string, string>, enough: (events: readonly SentEvent[]) => boolean): Promise<readonly SentEvent[]> {
  const response = await fetch(`${doors.httpUrl}/api/v1/events`, { headers: { authorization: `Bearer ${doors.token}`, ...headers }, signal: AbortSignal.timeout(20_000) });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  const events: SentEvent[] = [];
  let pending = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    const blocks = (pending + decoder.decode(chunk, { stream: true })).split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
      if (fields['data']) events.push({ id: fields['id'], type: fields['event'] ?? '', data: JSON.parse(fields['data']) as Record<string, unknown> });
    }
    if (enough(events)) break;
  }
  return events;
}
interface SentEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

const settled = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return assert.fail('it did not come');
};

/** The routes of the public interface, with the owner's token. */
export function httpRoutes(doors: () => Doors): void {
  suite('HTTP', () => {
    test('health: strangers learn one word, the owner every service', async () => {
      for (const path of ['/livez', '/readyz']) assert.equal((await http(doors(), 'GET', path, undefined, {})).status, 200);
      const stranger = await http(doors(), 'GET', '/health', undefined, {});
      assert.deepEqual(Object.keys(stranger.body), ['status']);
      const owner = await http(doors(), 'GET', '/health');
      assert.equal(owner.status, 200);
      for (const service of ['interlock', 'memory', 'orchestrator', 'sandbox']) assert.ok(owner.text.includes(service), service);
      assert.equal((await http(doors(), 'GET', '/metrics')).status, 200);
    });

    test('the OpenAPI document names every route', async () => {
      const { body } = await http(doors(), 'GET', '/openapi.json', undefined, {});
      assert.match(String(body['openapi']), /^3\.1/);
      const paths = Object.keys(body['paths'] as object);
      for (const path of [
        '/api/v1/session', '/api/v1/conversations', '/api/v1/conversations/{id}', '/api/v1/conversations/{id}/messages', '/api/v1/turns/{id}', '/api/v1/turns/{id}/cancel', '/api/v1/actions',
        '/api/v1/approvals', '/api/v1/approvals/{id}', '/api/v1/runs/{id}', '/api/v1/runs/{id}/output', '/api/v1/policy', '/api/v1/policy/test', '/api/v1/audit', '/api/v1/audit/verify',
        '/api/v1/memory', '/api/v1/memory/recall', '/api/v1/memory/export', '/api/v1/events',
      ]) assert.ok(paths.includes(path), path);
    });

    test('without a token, or with a wrong one, everything is closed', async () => {
      for (const path of ['/api/v1/conversations', '/api/v1/approvals', '/api/v1/policy', '/api/v1/audit', '/api/v1/events', '/metrics']) {
        const { status, body } = await http(doors(), 'GET', path, undefined, {});
        assert.deepEqual([path, status, body['code']], [path, 401, 'unauthenticated']);
      }
      const wrong = await http(doors(), 'GET', '/api/v1/policy', undefined, { authorization: `Bearer ${'x'.repeat(43)}` });
      assert.equal(wrong.status, 401);
    });

    test('a conversation, a message, its turn and its answer', async () => {
      const word = uniqueWord();
      const created = await http(doors(), 'POST', '/api/v1/conversations', { title: 'Over HTTP' });
      assert.equal(created.status, 201);
      const id = String(created.body['id']);
      const path = `/api/v1/conversations/${id}`;
      assert.equal((await http(doors(), 'PATCH', path, { title: 'Renamed' })).body['title'], 'Renamed');
      const sent = await http(doors(), 'POST', `${path}/messages`, { text: `say ${word}`, idempotencyKey: word });
      assert.equal(sent.status, 202);
      const again = await http(doors(), 'POST', `${path}/messages`, { text: `say ${word}`, idempotencyKey: word });
      assert.deepEqual(again.body, sent.body);
      const turn = await settled(async () => {
        const { body } = await http(doors(), 'GET', `/api/v1/turns/${String(sent.body['turnId'])}`);
        return body['status'] === 'done' ? body : undefined;
      });
      assert.equal(turn['conversation'], id);
      assert.deepEqual((await messagesOf(doors(), id)).map(({ role, text }) => `${role}: ${text}`), [`user: say ${word}`, `assistant: echo: say ${word}`]);
      assert.ok(((await http(doors(), 'GET', '/api/v1/conversations')).body['conversations'] as { id: string }[]).some((known) => known.id === id));
    });

    test('a long conversation is read page by page, without a gap and without anything twice', async () => {
      const talk = await openTalk(doors());
      for (let index = 0; index < 6; index++) await talk.ask(`line ${index}`);
      await talk.close();
      const texts: string[] = [];
      let cursor = '';
      do {
        const { body } = await http(doors(), 'GET', `/api/v1/conversations/${talk.conversation}/messages?limit=5${cursor}`);
        texts.unshift(...(body['messages'] as { text: string }[]).map((message) => message.text));
        const next = body['nextCursor'] as string | null;
        cursor = next === null ? '' : `&cursor=${next}`;
      } while (cursor !== '');
      assert.deepEqual(texts, Array.from({ length: 6 }, (_, index) => [`line ${index}`, `echo: line ${index}`]).flat());
    });

    test('an action that is allowed answers with its run, one that asks with its approval, one that is denied with the rule', async () => {
      const word = uniqueWord();
      const before = await http(doors(), 'GET', '/api/v1/policy');
      const lists = before.body as { allow: string[]; deny: string[] };
      const etag = before.headers.get('etag') ?? '';
      const changed = { allow: [...lists.allow, `echo ${word}`], deny: [...lists.deny, `cat ${word}`] };
      const put = await http(doors(), 'PUT', '/api/v1/policy', changed, { authorization: `Bearer ${doors().token}`, 'if-match': etag });
      assert.equal(put.status, 200, put.text);
      const late = await http(doors(), 'PUT', '/api/v1/policy', changed, { authorization: `Bearer ${doors().token}`, 'if-match': etag });
      assert.deepEqual([late.status, late.body['code']], [412, 'policy_conflict']);

      const conversation = await newConversation(doors());
      const allowed = await http(doors(), 'POST', '/api/v1/actions', { kind: 'shell', command: `echo ${word}`, conversation, wait: 30 });
      assert.deepEqual([allowed.status, allowed.body['decision']], [200, 'allow']);
      const run = allowed.body['run'] as { id: string; output: string; status: string };
      assert.deepEqual([run.status, run.output], ['exited', `${word}\n`]);
      assert.equal((await http(doors(), 'GET', `/api/v1/runs/${run.id}/output`)).text, `${word}\n`);

      const denied = await http(doors(), 'POST', '/api/v1/actions', { kind: 'shell', command: `cat ${word}`, conversation });
      assert.deepEqual([denied.status, denied.body['decision'], denied.body['rule']], [403, 'deny', `cat ${word}`]);

      const asked = await http(doors(), 'POST', '/api/v1/actions', { kind: 'shell', command: `echo asked ${word}`, conversation });
      assert.deepEqual([asked.status, asked.body['decision']], [202, 'ask']);
      const approval = `/api/v1/approvals/${String(asked.body['approvalId'])}`;
      assert.equal((await http(doors(), 'GET', approval)).body['command'], `echo asked ${word}`);
      const approved = await http(doors(), 'POST', approval, { decision: 'approve' });
      assert.deepEqual([approved.status, approved.body['status']], [200, 'approved']);
      const done = await settled(async () => {
        const { body } = await http(doors(), 'GET', `/api/v1/runs/${String(approved.body['runId'])}`);
        return body['status'] === 'exited' ? body : undefined;
      });
      assert.equal(done['output'], `asked ${word}\n`);
      const twice = await http(doors(), 'POST', approval, { decision: 'reject' });
      assert.deepEqual([twice.status, twice.body['code']], [409, 'approval_decided']);
    });

    test('the same Idempotency-Key gets the first outcome again', async () => {
      const headers = { authorization: `Bearer ${doors().token}`, 'idempotency-key': uniqueWord() };
      const body = { kind: 'shell', command: 'echo keyed' };
      const first = await http(doors(), 'POST', '/api/v1/actions', body, headers);
      const second = await http(doors(), 'POST', '/api/v1/actions', body, headers);
      assert.equal(first.body['approvalId'], second.body['approvalId']);
      await http(doors(), 'POST', `/api/v1/approvals/${String(first.body['approvalId'])}`, { decision: 'reject' });
    });

    test('a policy can be tried on a command without running anything', async () => {
      const judge = async (command: string) => (await http(doors(), 'POST', '/api/v1/policy/test', { command, policy: { allow: ['git status'], deny: ['rm'] } })).body['decision'];
      assert.deepEqual([await judge('git status --short'), await judge('git status; rm -rf x'), await judge('ls'), await judge('git status > x')], ['allow', 'deny', 'ask', 'ask']);
    });

    test('what happened is in the audit, and its chain holds', async () => {
      const { body } = await http(doors(), 'GET', '/api/v1/audit?limit=20');
      assert.ok((body['entries'] as unknown[]).length > 0);
      const verified = await http(doors(), 'POST', '/api/v1/audit/verify', {});
      assert.deepEqual([verified.status, verified.body['ok'], verified.body['firstBreak']], [200, true, null]);
    });

    test('memory: remembered, recalled, exported, forgotten', async () => {
      const word = uniqueWord();
      const stored = await http(doors(), 'POST', '/api/v1/memory', { items: [{ text: `the bicycle is called ${word}`, externalId: word }] });
      assert.ok(stored.status < 300, stored.text);
      const recall = async () => (await http(doors(), 'POST', '/api/v1/memory/recall', { query: word, k: 5 })).body['items'] as { externalId: string; text: string }[];
      assert.deepEqual((await recall()).map((item) => item.externalId), [word]);
      assert.ok((await http(doors(), 'GET', '/api/v1/memory/export')).text.includes(word));
      assert.ok((await http(doors(), 'DELETE', '/api/v1/memory', { externalIds: [word], dryRun: true })).status < 300);
      assert.equal((await recall()).length, 1);
      assert.ok((await http(doors(), 'DELETE', '/api/v1/memory', { externalIds: [word] })).status < 300);
      assert.deepEqual(await recall(), []);
    });

    test('events are sent as they happen, and Last-Event-ID brings what was missed', async () => {
      const talk = await openTalk(doors());
      const word = uniqueWord();
      const listening = readEvents(doors(), {}, (events) => events.some((event) => event.type === 'final' && JSON.stringify(event.data).includes(word)));
      await talk.ask(`event ${word}`);
      const live = await listening;
      assert.equal(live[0]?.type, 'welcome');
      const mine = live.filter((event) => event.id !== undefined && event.data['conversation'] === talk.conversation);
      const missed = await readEvents(doors(), { 'last-event-id': mine[0]!.id! }, (events) => events.some((event) => event.type === 'final' && JSON.stringify(event.data).includes(word)));
      const again = missed.filter((event) => event.id !== undefined && event.data['conversation'] === talk.conversation);
      assert.deepEqual(again.map((event) => event.id), mine.slice(1).map((event) => event.id));
      await talk.close();
    });

    test('what is wrong is a problem with a code and a hint, never a value of ours', async () => {
      const cases: readonly [method: string, path: string, body: unknown, status: number, code: string][] = [
        ['GET', '/api/v1/nothing', undefined, 404, 'not_found'],
        ['GET', '/api/v1/conversations/unknown-one', undefined, 404, 'not_found'],
        ['GET', '/api/v1/runs/unknown-one', undefined, 404, 'not_found'],
        ['GET', '/api/v1/turns/unknown-one', undefined, 404, 'turn_unknown'],
        ['POST', '/api/v1/approvals/zzzzzzzz', { decision: 'approve' }, 404, 'approval_unknown'],
        ['POST', '/api/v1/approvals/zzzzzzzz', { decision: 'perhaps' }, 400, 'bad_request'],
        ['POST', '/api/v1/actions', { kind: 'http', url: 'x' }, 400, 'bad_request'],
        ['POST', '/api/v1/conversations/default/messages', { text: 7 }, 400, 'bad_request'],
        ['DELETE', '/api/v1/policy', undefined, 405, 'method_not_allowed'],
      ];
      for (const [method, path, body, status, code] of cases) {
        const answer = await http(doors(), method, path, body);
        assert.deepEqual([path, answer.status, answer.body['code']], [path, status, code]);
        assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
        assert.ok(answer.body['hint'] && answer.body['title']);
      }
    });
  });
}

const cookieOf = (headers: Headers): string => (headers.get('set-cookie') ?? '').split(';')[0] ?? '';

/** Signing in with the link that `make up` prints, through the UI's own origin. */
export function signIn(doors: () => Doors, link: () => Promise<string>): void {
  suite('signing in', () => {
    test('the printed link works once, and gives a cookie that opens the routes and the UI\'s socket', async () => {
      const { origin, hash } = new URL(await link());
      assert.equal(origin, doors().uiUrl);
      const code = hash.replace('#code=', '');
      const session = async () => await fetch(`${doors().uiUrl}/api/v1/session`, { method: 'POST', headers: { 'content-type': 'application/json', origin: doors().uiUrl }, body: JSON.stringify({ code }) });
      const first = await session();
      assert.equal(first.status, 200);
      const setCookie = first.headers.get('set-cookie') ?? '';
      assert.match(setCookie, /HttpOnly/i);
      assert.match(setCookie, /SameSite=Strict/i);
      const second = await session();
      assert.deepEqual([second.status, ((await second.json()) as { code: string }).code], [401, 'code_used']);

      const cookie = cookieOf(first.headers);
      assert.equal((await fetch(`${doors().uiUrl}/api/v1/conversations`, { headers: { cookie } })).status, 200);
      const frames: { type: string; text?: string }[] = [];
      const socket = new WebSocket(`${doors().uiUrl.replace('http', 'ws')}/ws`, { headers: { cookie }, origin: doors().uiUrl });
      const answered = new Promise<void>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('message', (data: Buffer) => {
          frames.push(JSON.parse(data.toString('utf8')) as (typeof frames)[number]);
          if (frames.at(-1)?.type === 'final') resolve();
          if (frames.length === 1) socket.send(JSON.stringify({ type: 'message', id: crypto.randomUUID(), conversation: 'default', text: 'from the browser' }));
        });
      });
      await answered;
      assert.equal(frames[0]?.type, 'welcome');
      assert.equal(frames.at(-1)?.text, 'echo: from the browser');

      const closed = new Promise<number>((resolve) => socket.on('close', (closeCode) => resolve(closeCode)));
      assert.equal((await fetch(`${doors().uiUrl}/api/v1/session`, { method: 'DELETE', headers: { cookie, origin: doors().uiUrl } })).status, 204);
      assert.equal(await closed, 4401);
      assert.equal((await fetch(`${doors().uiUrl}/api/v1/conversations`, { headers: { cookie } })).status, 401);
    });

    test('the UI is served as a page that may load nothing from elsewhere', async () => {
      const page = await fetch(`${doors().uiUrl}/`);
      assert.equal(page.status, 200);
      assert.match(await page.text(), /<div id="root"|<main|<script/);
      assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'self'|default-src 'none'/);
    });
  });
}
