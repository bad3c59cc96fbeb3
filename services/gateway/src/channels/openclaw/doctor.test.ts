import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentRow, channelRow, mirrorRow, nestedToolRow, toolCallRow, toolResultRow, turnEnd } from '@megabot/testing/openclaw/scripted-sessions.ts';
import { createDoctor, type Doctor } from './doctor.ts';

const own = 'agent:main:telegram:direct:1001';
const main = 'agent:main:main';
const dayMs = 86_400_000;
const start = (clock = Date.now): Doctor => createDoctor(clock);
const codes = (doctor: Doctor): string[] => doctor.findings.map(({ code }) => code).sort();
const wrote = (doctor: Doctor, from: string, key = own, channel = 'telegram', at = Date.now()): void => {
  const row = channelRow({ text: 'x', from, channel, at });
  doctor.hear(key, row);
  doctor.read(key, [row]);
};
/** What is found where a person wrote and these rows followed. */
const see = (rows: readonly unknown[], key = own): string[] => {
  const doctor = start();
  wrote(doctor, '1001', key);
  doctor.read(key, rows);
  return codes(doctor);
};
/** A message, a turn that ends like this, a minute later the next, and at last a message. */
const turns = (doctor: Doctor, ...ends: Parameters<typeof turnEnd>[1][]): Doctor => {
  let at = 1_000_000;
  for (const end of ends) {
    wrote(doctor, '1001', own, 'telegram', at);
    doctor.read(own, [agentRow('me too')]);
    doctor.turn(turnEnd(own, { at: at + 5_000, ...end }));
    at += 60_000;
  }
  wrote(doctor, '1001', own, 'telegram', at);
  return doctor;
};
const delivers = { delivers: true };
const held = { delivers: false };

test('a person with a session of their own and no agent of OpenClaw\'s is as it should be', () => assert.deepEqual(see([]), []));

test('people in the main session share a context', () => assert.deepEqual(see([], main), ['shared_context']));
test('two people in one direct session share a context; in a group they are meant to', () => {
  for (const [key, expected] of [[own, ['shared_context']], ['agent:main:telegram:group:-100', []]] as const) {
    const doctor = start();
    for (const from of ['1001', '1002']) wrote(doctor, from, key);
    assert.deepEqual(codes(doctor), expected);
  }
});
test('the same number on two platforms is two people', () => {
  const doctor = start();
  for (const channel of ['telegram', 'signal']) wrote(doctor, '1001', 'agent:main:direct:1001', channel);
  assert.deepEqual(codes(doctor), ['shared_context']);
});
test('when all who shared a session write in ones of their own, they share no more', () => {
  const doctor = start();
  for (const from of ['1001', '1002']) wrote(doctor, from, main);
  wrote(doctor, '1001');
  assert.deepEqual(codes(doctor), ['shared_context']);
  wrote(doctor, '1002', 'agent:main:telegram:direct:1002');
  assert.deepEqual(codes(doctor), []);
});

test('a turn of OpenClaw\'s own is seen; our answer, as OpenClaw notes it, is none', () => {
  assert.deepEqual(see([agentRow('me too')]), ['own_turns']);
  assert.deepEqual(see([mirrorRow('ours', 'megabot:a:0:0')]), []);
});
test('a turn that OpenClaw broke off is one of its own as well', () => {
  assert.deepEqual(see([{ role: 'custom', customType: 'run-failed-before-reply', content: 'This turn ended before a reply: Persisted user turn changed before replay admission', display: true, timestamp: 1 }]), ['own_turns']);
});
test('two turns in a row that OpenClaw was still busy with when they had ended say that it answers', () => {
  assert.deepEqual(codes(turns(start(), delivers, delivers)), ['answers_itself', 'own_turns']);
  assert.deepEqual(codes(turns(start(), delivers)), ['own_turns']);
  assert.deepEqual(codes(turns(start(), delivers, held, delivers)), ['own_turns']);
});
test('a turn that ended with nothing to deliver was held back: it takes the alarm away and is said', () => {
  const doctor = turns(start(), delivers, delivers, held);
  assert.deepEqual(codes(doctor), ['own_turns']);
  assert.match(doctor.findings[0]?.message ?? '', /held back/);
  assert.doesNotMatch(turns(start(), held, delivers).findings[0]?.message ?? '', /held back/);
});
test('a message that waited for the turn to end is why OpenClaw was busy, not an answer', () => {
  const doctor = start();
  // Written every two seconds, while each turn takes ten.
  for (let n = 0; n < 5; n++) {
    wrote(doctor, '1001', own, 'telegram', n * 2_000);
    doctor.turn(turnEnd(own, { delivers: true, at: (n + 1) * 10_000 }));
  }
  assert.deepEqual(codes(doctor), []);
});
test('where messages wait behind a turn by rule, its end says nothing about its answer', () => {
  const queued = { delivers: true, queueMode: 'followup' };
  assert.deepEqual(codes(turns(start(), queued, queued, queued)), ['own_turns']);
});
test('the end of a turn that nobody asked for says nothing, nor does one that cannot be read', () => {
  const doctor = start();
  const unjudged = turnEnd(own, { delivers: true, queueMode: 'followup' });
  wrote(doctor, '1001');
  for (const payload of [unjudged, turnEnd('agent:main:cron', delivers), { phase: 'end' }, null, 'end']) doctor.turn(payload);
  for (const at of [1_000_000, 2_000_000, 3_000_000]) {
    doctor.turn(turnEnd(own, { delivers: true, at }));
    doctor.hear(own, channelRow({ text: 'x', from: '1001', at: at + 60_000 }));
    doctor.turn(unjudged);
  }
  assert.deepEqual(codes(doctor), []);
});

test('a message that is not ours, noted as sent to a person, is an alarm, whoever sent it', () => {
  assert.deepEqual(see([mirrorRow('hi', 'f85ea734:message-tool:_p8:call_1')]), ['sends_messages']);
  assert.deepEqual(see([mirrorRow('hi', '')]), ['sends_messages']);
});
test('a tool of its agent is a warning', () => {
  assert.deepEqual(see([toolCallRow('web_search'), toolResultRow('web_search', 'x')]), ['own_turns', 'uses_tools']);
});
test('a tool that its model called and was not given is none', () => {
  assert.deepEqual(see([toolCallRow('exec', 1_000), toolResultRow('exec', 'Tool exec not found', { isError: true, at: 1_140 })]), ['own_turns']);
});
test('a command that ran quicker than anybody could approve it is an alarm; a denied or an approved one is not', () => {
  const ran = (ms: number, options = {}): string[] => see([toolCallRow('exec', 1_000), toolResultRow('exec', 'hi', { at: 1_000 + ms, ...options })]);
  assert.deepEqual(ran(140), ['own_turns', 'runs_commands', 'uses_tools']);
  assert.deepEqual(ran(31_000), ['own_turns', 'uses_tools']);
  assert.deepEqual(ran(140, { isError: true }), ['own_turns', 'uses_tools']);
  assert.deepEqual(see([toolCallRow('read', 1_000), toolResultRow('read', 'hi', { at: 1_140 })]), ['own_turns', 'uses_tools']);
  assert.deepEqual(see([toolResultRow('exec', 'a result without a call', { at: 1_140 })]), ['uses_tools']);
});
test('a command called through another tool is seen as well', () => {
  assert.deepEqual(see([nestedToolRow('exec', 1_000, 1_140)]), ['runs_commands', 'uses_tools']);
  assert.deepEqual(see([nestedToolRow('exec', 1_000, 40_000)]), ['uses_tools']);
  assert.deepEqual(see([nestedToolRow('message', 1_000, 1_140)]), ['uses_tools']);
});
test('a command that is denied afterwards says that it was mended', () => {
  const denied = toolResultRow('exec', '{"error": "exec denied: host=gateway security=deny"}', { isError: true, at: 2_100 });
  assert.deepEqual(see([toolCallRow('exec', 1_000), toolResultRow('exec', 'hi', { at: 1_140 }), toolCallRow('exec', 2_000), denied]), ['own_turns', 'uses_tools']);
});

test('what nobody wrote about is nobody\'s trouble: other sessions of OpenClaw are its own business', () => {
  const doctor = start();
  doctor.read('agent:main:cron', [agentRow('x'), toolCallRow('exec', 1), toolResultRow('exec', 'x', { at: 2 }), mirrorRow('x', 'cron')]);
  assert.deepEqual(codes(doctor), []);
});
test('what OpenClaw did before it was started again says nothing', () => {
  const doctor = start();
  wrote(doctor, '1001', main);
  const now = Date.now() + 60_000;
  doctor.reset(now);
  assert.deepEqual(codes(doctor), []);
  wrote(doctor, '1001', main);
  doctor.read(main, [agentRow('x')]);
  assert.deepEqual(codes(doctor), []);
  doctor.read(own, [channelRow({ text: 'x', from: '1001', at: now }), { ...agentRow('x'), timestamp: now }, { ...agentRow('y'), timestamp: now - 1 }]);
  assert.deepEqual(codes(doctor), ['own_turns']);
});
test('a finding that was not seen again for a day is gone', () => {
  let now = 0;
  const doctor = start(() => now);
  wrote(doctor, '1001', main);
  now = dayMs - 1;
  assert.deepEqual(codes(doctor), ['shared_context']);
  now = dayMs;
  assert.deepEqual(codes(doctor), []);
});

test('every finding says what was seen and what to change, the most serious first', () => {
  const doctor = turns(start(), delivers, delivers);
  wrote(doctor, '1002');
  doctor.read(own, [toolCallRow('exec', 1_000), toolResultRow('exec', 'hi', { at: 1_140 }), mirrorRow('x', 'k')]);
  assert.deepEqual(doctor.findings.map(({ code }) => code), ['runs_commands', 'answers_itself', 'sends_messages', 'shared_context', 'uses_tools', 'own_turns']);
  assert.deepEqual(doctor.findings.map(({ level }) => level), ['alarm', 'alarm', 'alarm', 'alarm', 'warning', 'warning']);
  for (const { message, mend } of doctor.findings) {
    assert.match(message, /OpenClaw/);
    assert.match(mend, /openclaw\.json|docs\/openclaw\.md/);
  }
});
