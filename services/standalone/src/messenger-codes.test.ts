import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TOTP, URI } from 'otpauth';
import { startBehindMessenger, type BehindMessenger } from './testing/behind-messenger.ts';
import type { Json } from './testing/whole.ts';

const configuration = `
bridges:
  openclaw:
    platforms:
      telegram: { allowFrom: ["1001", "1002", "1004"], admins: ["1001", "1004"], maxRisk: medium, ratePerMinute: 120 }
      discord: { allowFrom: ["1001"] }
`;
const admin = 'bridge:telegram:default:1001';
const period = 30_000;

/** Decisions from a messenger with real codes: one that counts, and every way in which one must not. */
suite('approvals from a messenger', () => {
  let it: BehindMessenger;
  let totp: TOTP;
  let usedStep = 0;
  /** The code that decided, for those who saw it pass. */
  let spent = '';

  const stepNow = (): number => Math.floor(Date.now() / period);
  const codeOf = (step: number): string => totp.generate({ timestamp: step * period });
  /** A code that the interlock would take now, unless something else is wrong. */
  const freshCode = async (): Promise<string> => {
    const step = Math.max(stepNow(), usedStep + 1);
    while (stepNow() < step - 1) await delay(200);
    return codeOf(step);
  };
  const wrongCode = (): string => {
    const right = new Set([-2, -1, 0, 1, 2, 3].map((offset) => codeOf(stepNow() + offset)));
    let guess = 0;
    while (right.has(String(guess).padStart(6, '0'))) guess++;
    return String(guess).padStart(6, '0');
  };
  const audit = async (): Promise<Json[]> => (await it.get('/api/v1/audit?limit=200'))['entries'] as Json[];
  const pending = async (): Promise<{ shortId: string; id: string; command: string; conversation: string }[]> =>
    (await it.get('/api/v1/approvals?status=pending'))['approvals'] as { shortId: string; id: string; command: string; conversation: string }[];
  const asked = async (command: string) => {
    await it.until(`an approval of ${command}`, async () => (await pending()).some((approval) => approval.command === command));
    return (await pending()).find((approval) => approval.command === command) ?? assert.fail();
  };
  const ann = (text: string): void => void it.openclaw.receive({ text, from: '1001', name: 'Ann' });

  interface Refusal {
    readonly principal: string;
    readonly why?: string;
    readonly verdict?: string;
    readonly event?: string;
  }
  /** Does something, and waits until the audit log has one more refusal of exactly this kind; what waits still waits. */
  const refused = async ({ principal, why, verdict = 'not_entitled', event = 'decision_refused' }: Refusal, attempt: () => void): Promise<void> => {
    const count = async (): Promise<number> =>
      (await audit()).filter((entry) => entry['event'] === event && entry['principal'] === principal && entry['verdict'] === verdict && (why === undefined || (entry['subject'] as Json)['why'] === why)).length;
    const [before, waiting] = [await count(), (await pending()).map(({ id }) => id)];
    attempt();
    await it.until(`the refusal ${why ?? verdict} of ${principal}`, async () => (await count()) === before + 1);
    assert.deepEqual((await pending()).map(({ id }) => id), waiting, 'nothing was decided');
  };

  before(async () => {
    it = await startBehindMessenger(configuration);
  });
  after(async () => await it[Symbol.asyncDispose]());

  test('the owner enrols a listed admin: the secret is shown once, and counts after a first code', async () => {
    const holder = { platform: 'telegram', sender: '1001' };
    assert.equal((await it.call('POST', '/api/v1/one-time-codes', { ...holder, sender: '1002' })).status, 400, 'not an admin');
    const enrolled = await it.call('POST', '/api/v1/one-time-codes', holder);
    assert.equal(enrolled.status, 201);
    const read = URI.parse(String(enrolled.json['uri']));
    assert.ok(read instanceof TOTP);
    totp = read;
    const status = await it.get('/api/v1/one-time-codes');
    assert.deepEqual(status['admins'], [holder, { platform: 'telegram', sender: '1004' }]);
    assert.doesNotMatch(JSON.stringify(status), new RegExp(totp.secret.base32));
    assert.equal((await it.call('POST', '/api/v1/one-time-codes/confirm', { ...holder, code: wrongCode() })).status, 403);
    usedStep = stepNow() - 1;
    const confirmed = await it.call('POST', '/api/v1/one-time-codes/confirm', { ...holder, code: codeOf(usedStep) });
    assert.deepEqual([confirmed.status, confirmed.json['confirmed']], [200, true]);
  });

  test('an admin approves a low-risk command with a valid code and hears its result', async () => {
    ann('!run echo from the sandbox');
    const announced = await it.hears('1001', /^Approval \w+: run this command\?\n```\necho from the sandbox\n```\n/);
    const id = /^Approval (\w+)/.exec(announced)?.[1] ?? '';
    spent = await freshCode();
    usedStep = Math.max(stepNow(), usedStep + 1);
    ann(`!approve ${id} ${spent}`);
    await it.hears('1001', /^Approved/);
    await it.hears('1001', /^(?!Approv)[^]*from the sandbox/);
    const decided = (await audit()).find((entry) => entry['event'] === 'approval_decided' || entry['verdict'] === 'approved');
    assert.equal(decided?.['principal'], admin);
  });

  test('nothing less decides: each attempt is refused, in the audit log, and what waits still waits', async () => {
    ann('!run echo waits');
    const { shortId, conversation } = await asked('echo waits');
    const fresh = await freshCode();
    const by = (from: string, text: string, more: object = {}) => () => void it.openclaw.receive({ text, from, ...more });

    await refused({ principal: admin, why: 'code_used' }, by('1001', `!approve ${shortId} ${spent}`));
    await refused({ principal: admin, why: 'code_missing' }, by('1001', `!approve ${shortId}`));
    await refused({ principal: admin, why: 'code_wrong' }, by('1001', `!approve ${shortId} ${wrongCode()}`));
    await refused({ principal: 'bridge:telegram:default:6666', why: 'not_an_admin' }, by('6666', `!approve ${shortId} ${fresh}`));
    await refused({ principal: 'bridge:telegram:default:1002', why: 'not_an_admin' }, by('1002', `!approve ${shortId} ${fresh}`));
    // The same number somewhere else is somebody else, whether that platform has settings or not.
    await refused({ principal: 'bridge:discord:default:1001', why: 'not_an_admin' }, by('1001', `!approve ${shortId} ${fresh}`, { channel: 'discord' }));
    await refused({ principal: 'bridge:signal:default:1001', why: 'not_an_admin' }, by('1001', `!approve ${shortId} ${fresh}`, { channel: 'signal' }));
    // Another account of the platform is another chat.
    await refused({ principal: 'bridge:telegram:second:1001', verdict: 'approval_unknown' }, by('1001', `!approve ${shortId} ${fresh}`, { account: 'second', sessionKey: 'agent:main:telegram:second:direct:1001' }));
    // A gateway can write any sender into any session; it has no code.
    await refused({ principal: admin, why: 'code_missing' }, by('1001', `!approve ${shortId}`, { sessionKey: 'agent:main:telegram:direct:6666' }));
    await refused({ principal: admin, why: 'code_used' }, by('1001', `!approve ${shortId} ${spent}`, { sessionKey: 'agent:main:telegram:direct:6666' }));

    assert.equal((await it.call('POST', `/api/v1/conversations/${conversation}/messages`, { text: '!run rm -rf build' })).status, 202);
    const risky = await asked('rm -rf build');
    await refused({ principal: admin, why: 'risk' }, by('1001', `!approve ${risky.shortId} ${fresh}`));

    it.openclaw.receive({ text: '!run echo of another chat', from: '1002', name: 'Bob' });
    const others = await asked('echo of another chat');
    await refused({ principal: admin, verdict: 'approval_unknown' }, by('1001', `!approve ${others.shortId} ${fresh}`));
    // An admin too, whom nobody gave codes.
    await refused({ principal: 'bridge:telegram:default:1004', verdict: 'approval_unknown' }, by('1004', `!approve ${shortId} ${fresh}`));
  });

  test('OpenClaw\'s own approvals decide nothing: they are counted and dropped', async () => {
    const waiting = await pending();
    const dropped = async (): Promise<number> => ((await it.get('/api/v1/bridges'))['bridges'] as { counters: Record<string, number> }[])[0]?.counters['events_dropped'] ?? 0;
    const before = await dropped();
    for (const { id, shortId } of waiting) {
      it.openclaw.broadcast('exec.approval.resolved', { id, decision: 'allow-always', resolvedBy: 'Telegram approval (1001)', ts: Date.now() });
      it.openclaw.broadcast('exec.approval.requested', { id: shortId, request: { command: 'echo waits' }, decision: 'allow-once' });
    }
    await it.until('the dropped events', async () => (await dropped()) === before + 2 * waiting.length);
    assert.deepEqual(await pending(), waiting);
  });

  test('rules and locks are not for an admin with a code either', async () => {
    const edit = { principal: admin, event: 'edit_refused' };
    const fresh = await freshCode();
    const before = await it.get('/api/v1/policy');
    for (const text of ['!allow echo', '!allow *', `!allow echo ${fresh}`, '!deny *', '!lockdown', '!unlock', '!undo']) await refused(edit, () => ann(text));
    ann(`!unlock ${fresh}`);
    await it.hears('1001', /`!unlock` stands alone/);
    assert.deepEqual(await it.get('/api/v1/policy'), before);
  });

  test('a quoted, forwarded or embedded word is a text like any other, whatever code it holds', async () => {
    const { shortId } = await asked('echo waits');
    const fresh = await freshCode();
    const waiting = await pending();
    const word = `!approve ${shortId} ${fresh}`;
    const texts = [
      `> ${word}`, `"${word}"`, `\`${word}\``, `\`\`\`\n${word}\n\`\`\``, `[Forwarded from Ann at 2026-11-26]\n${word}`, `Ann wrote:\n${word}`, `please ${word}`, `so: ${word} thanks`,
    ];
    for (const [index, text] of texts.entries()) {
      ann(text);
      ann(`after ${index}`);
      await it.hears('1001', new RegExp(`after ${index}\\b`));
    }
    for (const text of [`${word}\nthanks`, `${word} thanks`]) ann(text);
    await it.hears('1001', /has to be a message of its own/);
    await it.hears('1001', /takes one id, and at most a one-time code/);
    assert.deepEqual((await pending()).map(({ id }) => id), waiting.map(({ id }) => id));
  });

  test('after all of that a fresh code still decides, so none was burnt by those who may not', async () => {
    const { shortId } = await asked('echo waits');
    const code = await freshCode();
    ann(`!approve ${shortId} ${code}`);
    await it.until('the decision', async () => !(await pending()).some((approval) => approval.shortId === shortId));
    await it.hears('1001', /^waits|\nwaits/);
  });
});
