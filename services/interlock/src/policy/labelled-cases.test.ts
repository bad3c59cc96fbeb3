import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePolicy, judge } from './decide.ts';
import { labelledCases } from './testing/labelled-cases.ts';

test('every labelled case is decided as it says', (context) => {
  const classes = new Map<string, { agree: number; all: number }>();
  const disagreements: string[] = [];
  for (const { policy, command, expect, why, class: kind } of labelledCases) {
    const { decision, reasons } = judge(command, compilePolicy({ ...policy, matching: 'commands' }));
    const count = classes.get(kind) ?? { agree: 0, all: 0 };
    classes.set(kind, { agree: count.agree + (decision === expect ? 1 : 0), all: count.all + 1 });
    if (decision !== expect) disagreements.push(`${JSON.stringify(command.slice(0, 120))}: ${decision} instead of ${expect} (${why}); ${reasons.join(' ')}`);
  }
  for (const [kind, { agree, all }] of [...classes].toSorted(([one], [other]) => one.localeCompare(other))) context.diagnostic(`${kind}: ${agree} of ${all} agree`);
  assert.ok(labelledCases.length >= 485);
  assert.deepEqual(disagreements, []);
});
