import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ModelError, type ModelDriver, type ModelErrorCode, type ModelMessage, type ModelReply, type ModelToolCall } from './port.ts';
import type { ModelDriverOptions } from './select.ts';

export interface SeenRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  /** Tells connections apart. */
  readonly clientPort: number | undefined;
}

/** A scripted model server, and how to reach it over one protocol. */
export interface ComplianceServer {
  /** As it is configured for the driver under test. */
  readonly url: string;
  /** The name of the model that answers, of none that is served, and of one that claims to run on another machine. */
  readonly models: { readonly served: string; readonly unknown: string; readonly remote: string };
  requests(): readonly SeenRequest[];
  close(): Promise<void>;
}

export interface ComplianceSubject {
  readonly name: string;
  readonly chatPath: string;
  start(): Promise<ComplianceServer>;
  make(options: ModelDriverOptions): ModelDriver;
}

const shell = {
  name: 'shell',
  description: 'Runs a command.',
  parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
};

/** What every driver promises. The server behind it follows the script of the scripted model. */
export function modelCompliance(subject: ComplianceSubject): void {
  describe(`model driver: ${subject.name}`, () => {
    let server: ComplianceServer;
    const made: ModelDriver[] = [];
    before(async () => {
      server = await subject.start();
    });
    after(async () => {
      for (const driver of made) await driver.close();
      await server.close();
    });

    const make = (options: Partial<ModelDriverOptions> = {}): ModelDriver => {
      const defaults = { url: server.url, model: server.models.served, localOnly: true, allowedHosts: [], idleTimeoutMs: 5_000 };
      const driver = subject.make({ ...defaults, ...options });
      made.push(driver);
      return driver;
    };
    const say = async (driver: ModelDriver, text: string, signal = new AbortController().signal, deltas: string[] = []): Promise<ModelReply> =>
      await driver.chat({ messages: [{ role: 'user', text }], tools: [shell], signal, onText: (delta) => void deltas.push(delta) });
    const chats = () => server.requests().filter((request) => request.path === subject.chatPath);

    test('streams the text piece by piece, in order, and returns all of it', async () => {
      const deltas: string[] = [];
      const reply = await say(make(), 'a greeting of several pieces: grüße 🦊', undefined, deltas);
      assert.equal(reply.text, 'echo: a greeting of several pieces: grüße 🦊');
      assert.equal(deltas.join(''), reply.text);
      assert.ok(deltas.length > 1);
      assert.ok(deltas.every((delta) => delta !== ''));
      assert.deepEqual(reply.toolCalls, []);
      assert.equal(reply.stopReason, 'stop');
      assert.deepEqual(reply.usage, { promptTokens: 7, completionTokens: 3 });
    });

    test('returns a tool call with its arguments', async () => {
      const reply = await say(make(), 'RUN:ls -l "a b"');
      assert.equal(reply.stopReason, 'tool_calls');
      const [call] = reply.toolCalls;
      assert.equal(call?.name, 'shell');
      assert.deepEqual(call?.arguments, { command: 'ls -l "a b"' });
      assert.equal(call?.malformed, false);
    });

    test('returns several tool calls of one reply, in order, each with an id of its own', async () => {
      const { toolCalls } = await say(make(), 'TWO:echo one;;echo two');
      assert.deepEqual(toolCalls.map((call) => call.arguments), [{ command: 'echo one' }, { command: 'echo two' }]);
      assert.equal(new Set(toolCalls.map((call) => call.id)).size, 2);
      assert.ok(toolCalls.every((call) => call.id !== ''));
    });

    test('keeps arguments that are no JSON as the model wrote them', async () => {
      const [call] = (await say(make(), 'BAD:rm -rf')).toolCalls;
      assert.equal(call?.malformed, true);
      assert.equal(call?.arguments, undefined);
      assert.equal(call?.rawArguments, '{"command": "rm -rf');
    });

    test('passes on a call of a tool that was not offered', async () => {
      const [call] = (await say(make(), 'UNKNOWNTOOL:x')).toolCalls;
      assert.equal(call?.name, 'no_such_tool');
    });

    test('sends the whole conversation, tool calls and results too, even after a malformed call', async () => {
      const driver = make();
      const messages: ModelMessage[] = [
        { role: 'system', text: 'Be brief.' },
        { role: 'user', text: 'BAD:x' },
      ];
      const chat = async () => await driver.chat({ messages, tools: [shell], signal: new AbortController().signal, onText: () => undefined });
      const first = await chat();
      const call = first.toolCalls[0] as ModelToolCall;
      messages.push({ role: 'assistant', text: first.text, toolCalls: first.toolCalls });
      messages.push({ role: 'tool', toolCallId: call.id, toolName: call.name, text: 'those arguments are no JSON' });
      assert.equal((await chat()).text, 'tool said: those arguments are no JSON');
      messages.push({ role: 'user', text: 'HISTORY:' });
      assert.equal((await chat()).text, 'history: 5 messages; user: ["BAD:x","HISTORY:"]');
    });

    test('offers its tools, and leaves the field out where there are none', async () => {
      await say(make(), 'hello');
      const sent = chats().at(-1)?.body as { tools: { function: object }[] };
      assert.deepEqual(sent.tools.map((tool) => tool.function), [shell]);
      await make().chat({ messages: [{ role: 'user', text: 'hello' }], tools: [], signal: new AbortController().signal, onText: () => undefined });
      assert.ok(!Object.hasOwn(chats().at(-1)?.body as object, 'tools'));
    });

    test('waits for a slow answer as long as something keeps coming', async () => {
      const reply = await say(make({ idleTimeoutMs: 700 }), 'SLOW:1200');
      assert.match(reply.text, /^slow 1 of 10\n[^]*slow 10 of 10\n$/);
    });

    test('gives up on a server that hangs', async () => {
      await assert.rejects(say(make({ idleTimeoutMs: 200 }), 'HANG:'), coded('timeout'));
    });

    test('reports an answer that is cut off, after the text that arrived', async () => {
      const deltas: string[] = [];
      await assert.rejects(say(make(), 'CUT:', undefined, deltas), coded('bad_reply'));
      assert.equal(deltas.join(''), 'this answer is cut ');
    });

    for (const status of [400, 401, 429, 500, 503]) {
      test(`reports HTTP status ${status}, without asking a second time`, async () => {
        const before = chats().length;
        await assert.rejects(say(make(), `FAIL:${status}`), (error: unknown) => {
          assert.ok(coded('http_status')(error));
          assert.equal((error as ModelError).status, status);
          assert.match((error as ModelError).message, /the script says so/);
          return true;
        });
        assert.equal(chats().length, before + 1);
      });
    }

    test('says that the server does not have the model', async () => {
      for (const localOnly of [true, false]) {
        await assert.rejects(say(make({ model: server.models.unknown, localOnly }), 'hello'), coded('model_missing'));
      }
    });

    test('takes the first usable model of the server where none is named', async () => {
      assert.match((await say(make({ model: undefined }), 'hello')).text, /^echo/);
      assert.match((await say(make({ model: '' }), 'hello')).text, /^echo/);
    });

    test('says which address was tried where nothing listens', async () => {
      const silent = await subject.start();
      await silent.close();
      await assert.rejects(say(make({ url: silent.url }), 'hello'), (error: unknown) => {
        assert.ok(coded('unreachable')(error));
        assert.ok((error as ModelError).message.includes(new URL(silent.url).host));
        assert.ok((error as ModelError).hint);
        return true;
      });
      const probe = await make({ url: silent.url }).probe(new AbortController().signal);
      assert.equal(probe.reachable, false);
      assert.ok(probe.detail.includes(new URL(silent.url).host));
    });

    test('ends at once when it is cancelled, before or during the answer', async () => {
      const driver = make();
      await assert.rejects(say(driver, 'hello', AbortSignal.abort()), coded('aborted'));
      const controller = new AbortController();
      const waiting = driver.chat({
        messages: [{ role: 'user', text: 'SLOW:60000' }],
        tools: [],
        signal: controller.signal,
        onText: () => controller.abort(),
      });
      await assert.rejects(waiting, coded('aborted'));
      await assert.rejects(driver.probe(AbortSignal.abort()), coded('aborted'));
      assert.match((await say(driver, 'still there')).text, /still there/);
    });

    test('goes on after failures, and answers several conversations at once', async () => {
      const driver = make({ idleTimeoutMs: 1_000 });
      const texts = ['one', 'CUT:', 'two', 'FAIL:500', 'three'];
      const settled = await Promise.allSettled(texts.map(async (text) => (await say(driver, text)).text));
      assert.deepEqual(
        settled.map((result) => (result.status === 'fulfilled' ? result.value : (result.reason as ModelError).code)),
        ['echo: one', 'bad_reply', 'echo: two', 'http_status', 'echo: three'],
      );
    });

    test('keeps its connection for the next chat', async () => {
      const driver = make();
      const ports: unknown[] = [];
      for (const text of ['one', 'two', 'three', 'four']) {
        await say(driver, text);
        ports.push(chats().at(-1)?.clientPort);
        // What follows an answer's end mark is read in the background.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.ok(new Set(ports).size < ports.length);
    });

    test('refuses a model that runs elsewhere, by its tag or by what the server says, before a word is sent', async () => {
      const before = chats().length;
      for (const model of [server.models.remote, 'gpt-oss:120b-cloud', 'Some/Model:CLOUD']) {
        await assert.rejects(say(make({ model }), 'secret'), coded('refused_address'), model);
        const probe = await make({ model }).probe(new AbortController().signal);
        assert.equal(probe.model, undefined);
        assert.match(probe.detail, /cloud/);
      }
      assert.equal(chats().length, before);
    });

    test('refuses a server that is neither loopback nor private, before it connects', async () => {
      const path = new URL(server.url).pathname;
      for (const host of ['203.0.113.1', '[2001:db8::1]', '169.254.169.254', '0.0.0.0', '[::ffff:8.8.8.8]', '134744072']) {
        await assert.rejects(say(make({ url: `http://${host}:11434${path}` }), 'secret'), coded('refused_address'), host);
        const probe = await make({ url: `http://${host}:11434${path}` }).probe(new AbortController().signal);
        assert.equal(probe.reachable, false);
        assert.match(probe.detail, /local_only/);
      }
    });

    test('tells the server nothing but what the protocol needs', async () => {
      await say(make(), 'hello');
      const known = /^(host|connection|content-type|content-length|accept|accept-.*|sec-fetch-mode|user-agent|transfer-encoding)$/;
      for (const { headers } of server.requests()) {
        for (const name of Object.keys(headers)) assert.match(name, known);
        assert.equal(headers['user-agent'], 'megabot');
      }
    });

    test('sends the API key where there is one', async () => {
      await say(make({ apiKey: 'sk-test' }), 'hello');
      assert.equal(chats().at(-1)?.headers['authorization'], 'Bearer sk-test');
    });

    test('probes: which model will answer, or what the server has instead', async () => {
      const { signal } = new AbortController();
      const found = await make().probe(signal);
      assert.deepEqual([found.reachable, found.model], [true, server.models.served]);
      const missing = await make({ model: server.models.unknown }).probe(signal);
      assert.deepEqual([missing.reachable, missing.model], [true, undefined]);
      assert.ok(missing.detail.includes(server.models.unknown) && missing.detail.includes(server.models.served), missing.detail);
    });
  });
}

function coded(code: ModelErrorCode): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof ModelError)) throw error;
    assert.equal(error.code, code, error.message);
    return true;
  };
}
