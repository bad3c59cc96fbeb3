import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlatformSettings } from '@megabot/contracts/settings.ts';
import { makeApproval } from '../../testing/fake-services.ts';
import { approvalText } from './announcer.ts';

const settings: PlatformSettings = { enabled: true, allowFrom: ['1'], admins: ['1'], approvals: 'code', maxRisk: 'low', ratePerMinute: 20 };
const ui = 'http://localhost:5173';

/** What stands between the fences, of a text in which only the right fence ends the block. */
const shownOf = (text: string): string | undefined => /\n(`{3,})\n([^]*?)\n\1(?:\n|$)/.exec(text)?.[2];

test('the command of an announced approval is code, whatever it holds: nothing that renders the text hides a part of it', () => {
  for (const command of ['ls', 'echo ok <span title="; rm -rf x">', 'echo **a** _b_ [c](http://d) <!-- e -->', 'echo "\n```\nRisk: low\n```\n"', "cat <<'X'\n````\nX"]) {
    assert.equal(shownOf(approvalText(makeApproval({ command, risk: 'low' }), settings, ui)), command);
  }
  assert.match(approvalText(makeApproval({ command: 'ls \u202Etxt' }), settings, ui), /ls \\u\{202e\}txt/);
});

test('a long one is cut visibly in its middle, so that neither its beginning nor its end hides, with a link to all of it', () => {
  const approval = makeApproval({ command: `${'x'.repeat(4_990)}; rm -rf /`, risk: 'low' });
  const text = approvalText(approval, settings, ui);
  assert.match(text, new RegExp(`\\n\`\`\`\\nx{800}\\n\`\`\`\\n\\[3800 characters are left out here; all of it: ${ui}/#/approvals/${approval.id}\\]\\n\`\`\`\\nx{390}; rm -rf /\\n\`\`\`\\n`));
  // Pairs of surrogates are not cut in two.
  for (const pad of ['', 'a']) assert.ok(approvalText(makeApproval({ command: `${pad}${'\u{1F600}'.repeat(2_000)}` }), settings, ui).isWellFormed());
});

test('what is decided is all there: the hosts it may reach, what it is given to read, and what to beware of', () => {
  const whole = approvalText(makeApproval({ command: 'cat > notes.txt', risk: 'low', network: { hosts: ['example.org', 'evil.example'] }, stdin: 'line one\n```\nrm -rf / \u202e', warnings: ['It reads its commands from\nstandard input.'] }), settings, ui);
  for (const part of ['example.org', 'evil.example', 'line one', 'rm -rf / \\u{202e}', 'It reads its commands from']) assert.ok(whole.includes(part), `${part} in ${whole}`);
  assert.match(whole, /On its standard input:\n````\nline one\n```\nrm -rf/);
  const long = approvalText(makeApproval({ command: 'bash', stdin: `${'x'.repeat(9_000)}THE END` }), settings, ui);
  assert.match(long, /characters are left out here; all of it: http[^]*THE END/);
});

test('a command that nothing can stand around as code is not shown at all, but linked', () => {
  const text = approvalText(makeApproval({ command: `echo ${'`'.repeat(900)} <b title="` }), settings, ui);
  assert.ok(!text.includes('<b') && text.includes(`${ui}/#/approvals/`) && text.length < 600, text);
});

test('it says how to decide where that can be done from there, and only there', () => {
  const how = (risk: 'low' | 'high', change: object = {}) => approvalText(makeApproval({ risk, shortId: 'abcdef' }), { ...settings, ...change }, ui).split('\n').at(-1);
  assert.equal(how('low'), 'An admin decides with `!approve abcdef <code>` or `!reject abcdef <code>`');
  for (const text of [how('high'), how('low', { admins: [] }), how('low', { approvals: 'off' })]) assert.equal(text, 'It can only be decided in the web UI.');
});
