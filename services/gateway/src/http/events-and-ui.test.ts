import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Bus } from '@megabot/bus/port.ts';
import { events } from '@megabot/contracts/events.ts';
import { openRaw } from '../testing/native-client.ts';
import { startTestGateway, testToken, type TestGateway } from '../testing/test-gateway.ts';

const say = async (megabot: TestGateway, index: number): Promise<void> =>
  await megabot.fakes.orchestratorBus.publish(events.delta, { conversation: 'default', turnId: 't', attempt: 1, index, text: String(index) });

interface ServerSentEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** Reads server-sent events one by one. */
async function* eventsOf(response: Response): AsyncGenerator<ServerSentEvent> {
  let text = '';
  for await (const bytes of response.body ?? assert.fail('no body')) {
    text += Buffer.from(bytes).toString('utf8');
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const fields = new Map(text.slice(0, end).split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
      text = text.slice(end + 2);
      if (fields.has('data')) yield { id: fields.get('id'), type: fields.get('event') ?? '', data: JSON.parse(fields.get('data') ?? '') as Record<string, unknown> };
    }
  }
}

async function take(stream: AsyncGenerator<ServerSentEvent>, count: number): Promise<ServerSentEvent[]> {
  const taken: ServerSentEvent[] = [];
  while (taken.length < count) {
    const next = await stream.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}

describe('server-sent events', () => {
  test('a stream begins with welcome, and a browser that comes back with the last id misses nothing', async () => {
    await using megabot = await startTestGateway();
    const first = eventsOf(await megabot.request('/api/v1/events'));
    assert.equal((await take(first, 1))[0]?.type, 'welcome');
    await say(megabot, 1);
    const [one] = await take(first, 1);
    assert.equal(one?.data['text'], '1');
    await first.return(undefined);
    await say(megabot, 2);
    await say(megabot, 3);

    const second = eventsOf(await megabot.request('/api/v1/events', { headers: { authorization: `Bearer ${testToken}`, 'last-event-id': one?.id ?? '' } }));
    const [welcome, ...missed] = await take(second, 3);
    assert.equal(welcome?.type, 'welcome');
    assert.deepEqual(missed.map(({ data }) => data['text']), ['2', '3']);
    await second.return(undefined);
  });

  test('the stream of a session ends with the session', async () => {
    await using megabot = await startTestGateway();
    const signedIn = await megabot.request('/api/v1/session', { method: 'POST', body: { token: testToken }, headers: { origin: megabot.origin } });
    const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const stream = eventsOf(await megabot.request('/api/v1/events', { headers: { cookie } }));
    await take(stream, 1);
    await megabot.request('/api/v1/session', { method: 'DELETE', headers: { cookie, origin: megabot.origin } });
    assert.deepEqual(await take(stream, 1), []);
  });
});

test('when the log of events is made anew, streams end instead of staying silent, and a browser that comes back is told of the gap', async () => {
  let epoch = 'first';
  await using megabot = await startTestGateway({}, (bus) =>
    Object.create(bus, { eventLog: { value: { info: async () => ({ ...(await bus.eventLog.info()), epoch }), read: bus.eventLog.read } } }) as Bus,
  );
  await say(megabot, 1);
  const stream = eventsOf(await megabot.request('/api/v1/events'));
  await take(stream, 1);
  epoch = 'second';
  const back = eventsOf(await megabot.request('/api/v1/events', { headers: { authorization: `Bearer ${testToken}`, 'last-event-id': 'first:1' } }));
  assert.deepEqual(await take(stream, 1), []);
  await back.return(undefined);
  const again = eventsOf(await megabot.request('/api/v1/events', { headers: { authorization: `Bearer ${testToken}`, 'last-event-id': 'first:1' } }));
  const [welcome, error] = await take(again, 2);
  assert.deepEqual([welcome?.data['epoch'], error?.data['code']], ['second', 'resume_gap']);
  await again.return(undefined);
});

describe("the UI's socket", () => {
  const url = (megabot: TestGateway): string => `ws://127.0.0.1:${megabot.gateway.httpPort}/ws`;
  const signIn = async (megabot: TestGateway): Promise<string> => {
    const response = await megabot.request('/api/v1/session', { method: 'POST', body: { token: testToken }, headers: { origin: megabot.origin } });
    return (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  };

  test('cookie and Origin together open it, and it begins with welcome, in clear and without proof', async () => {
    await using megabot = await startTestGateway();
    const cookie = await signIn(megabot);
    await using ui = await openRaw(url(megabot), { origin: megabot.origin, headers: { cookie } });
    const welcome = JSON.parse(await ui.text()) as Record<string, unknown>;
    assert.deepEqual([welcome['type'], welcome['principal'], 'proof' in welcome], ['welcome', 'owner', false]);
    const id = randomUUID();
    ui.socket.send(JSON.stringify({ type: 'message', id, text: '!help' }));
    const frames = [JSON.parse(await ui.text()), JSON.parse(await ui.text())] as { type: string }[];
    assert.deepEqual(frames.map(({ type }) => type).sort(), ['accepted', 'final']);
    assert.equal(megabot.fakes.tickets[0]?.claims.principal, 'owner');
  });

  test('neither alone opens it, the token neither, and no other path', async () => {
    await using megabot = await startTestGateway();
    const cookie = await signIn(megabot);
    await assert.rejects(openRaw(url(megabot), { headers: { cookie } }), /403/);
    await assert.rejects(openRaw(url(megabot), { origin: 'http://127.0.0.1:3000', headers: { cookie } }), /403/);
    await assert.rejects(openRaw(url(megabot), { origin: megabot.origin }), /401/);
    await assert.rejects(openRaw(url(megabot), { origin: megabot.origin, headers: { authorization: `Bearer ${testToken}` } }), /401/);
    await assert.rejects(openRaw(url(megabot), { origin: megabot.origin, headers: { cookie, host: 'evil.example' } }), /403/);
    await assert.rejects(openRaw(url(megabot).replace('/ws', '/other'), { origin: megabot.origin, headers: { cookie } }), /404/);
  });

  test('signing out closes the sockets of the session with 4401', async () => {
    await using megabot = await startTestGateway();
    const cookie = await signIn(megabot);
    await using ui = await openRaw(url(megabot), { origin: megabot.origin, headers: { cookie } });
    await ui.text();
    await megabot.request('/api/v1/session', { method: 'DELETE', headers: { cookie, origin: megabot.origin } });
    assert.equal((await ui.closed()).code, 4401);
  });
});
