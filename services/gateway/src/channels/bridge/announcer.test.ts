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

test('a long one is cut visibly, with a link to all of it', () => {
  const approval = makeApproval({ command: 'x'.repeat(5_000), risk: 'low' });
  const text = approvalText(approval, settings, ui);
  assert.equal(shownOf(text), 'x'.repeat(1_200));
  assert.match(text, new RegExp(`\\n\\[3800 more characters; all of it: ${ui}/#/approvals/${approval.id}\\]\\n`));
});

test('it says how to decide where that can be done from there, and only there', () => {
  const how = (risk: 'low' | 'high', change: object = {}) => approvalText(makeApproval({ risk, shortId: 'abcdef' }), { ...settings, ...change }, ui).split('\n').at(-1);
  assert.equal(how('low'), 'An admin decides with `!approve abcdef <code>` or `!reject abcdef <code>`');
  for (const text of [how('high'), how('low', { admins: [] }), how('low', { approvals: 'off' })]) assert.equal(text, 'It can only be decided in the web UI.');
});
