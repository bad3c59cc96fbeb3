import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentRow, channelRow } from '@megabot/testing/openclaw/scripted-sessions.ts';
import { createDoctor, type Doctor } from './doctor.ts';

const own = 'agent:main:telegram:direct:1001';
const codes = (doctor: Doctor): string[] => doctor.findings.map(({ code }) => code);
const call = (at: number): object => ({ role: 'assistant', model: 'm', timestamp: at, content: [{ type: 'toolCall', id: 'c', name: 'exec', arguments: { command: 'id' } }] });
const result = (at: number, rest: object = {}): object => ({ role: 'toolResult', toolName: 'exec', isError: false, timestamp: at, content: [{ type: 'text', text: 'uid=0' }], ...rest });
const see = (rows: readonly unknown[], key = own): string[] => {
  const doctor = createDoctor();
  doctor.observe(key, channelRow({ text: 'x', from: '1001' }));
  for (const row of rows) doctor.observe(key, row);
  return codes(doctor);
};

test('a person with a session of their own and no agent of OpenClaw\'s is as it should be', () => assert.deepEqual(see([]), []));
test('people in the main session share a context', () => assert.deepEqual(see([], 'agent:main:main'), ['shared_context']));
test('two people in one direct session share a context; in a group they are meant to', () => {
  assert.deepEqual(see([channelRow({ text: 'y', from: '1002' })]), ['shared_context']);
  assert.deepEqual(see([channelRow({ text: 'y', from: '1002' })], 'agent:main:telegram:group:-100'), []);
});
test('a turn of OpenClaw\'s own is seen; our answer, noted in the session, is none', () => {
  assert.deepEqual(see([agentRow('me too')]), ['own_turns']);
  assert.deepEqual(see([{ role: 'assistant', content: 'ours', __openclaw: { idempotencyKey: 'megabot:a:0:0' } }]), []);
});
test('a command that ran quicker than anybody could approve it is an alarm; a denied or an approved one is not', () => {
  assert.deepEqual(see([call(1_000), result(1_140)]), ['own_turns', 'runs_commands']);
  assert.deepEqual(see([call(1_000), result(1_140, { isError: true })]), ['own_turns']);
  assert.deepEqual(see([call(1_000), result(61_000)]), ['own_turns']);
  assert.deepEqual(see([call(1_000), result(1_140, { toolName: 'read' })]), ['own_turns']);
});
test('a message that its agent sent with its own tool is an alarm', () => assert.deepEqual(see([result(1, { toolName: 'message' })]), ['answers_itself']));
test('what nobody wrote about is nobody\'s trouble: other sessions of OpenClaw are its own business', () => {
  const doctor = createDoctor();
  for (const row of [agentRow('x'), call(1), result(2)]) doctor.observe('agent:main:cron', row);
  assert.deepEqual(codes(doctor), []);
});

test('every finding says what to change, and a restarted OpenClaw starts clean', () => {
  const doctor = createDoctor();
  for (const row of [channelRow({ text: 'x', from: '1001' }), call(1_000), result(1_140), result(1, { toolName: 'message' })]) doctor.observe('agent:main:main', row);
  assert.equal(doctor.findings.length, 4);
  for (const { mend } of doctor.findings) assert.match(mend, /openclaw\.json|docs\/openclaw\.md/);
  doctor.reset();
  assert.deepEqual(codes(doctor), []);
});
