import type { Approval } from '@megabot/contracts/approval.ts';
import type { AuditEntry } from '@megabot/contracts/audit.ts';
import type { Run } from '@megabot/contracts/run.ts';

export interface ApprovalSeed {
  readonly id?: string;
  readonly kind?: Approval['kind'];
  readonly command: string;
  readonly risk: Approval['risk'];
  readonly reasons: string[];
  readonly conversation?: string;
  readonly turnId?: string;
  readonly expiresInMs?: number;
  /** What only some approvals have. */
  readonly more?: Partial<Pick<Approval, 'parts' | 'warnings' | 'network' | 'stdin' | 'mounts' | 'limits' | 'diff' | 'editedFrom' | 'requestedBy'>>;
}

interface Script {
  readonly text?: string;
  readonly ask?: ApprovalSeed;
  readonly run?: string;
  /** How the run ends, where it is not only text. */
  readonly ends?: Partial<Run>;
  readonly fail?: boolean;
  /** The turn streams its text and then stays busy, to be stopped. */
  readonly never?: boolean;
}

const markdown = `The log has **three** errors since noon, all from the same unit.

1. \`backup.service\` failed twice with *No space left on device*.
2. The third is a late echo of the second.

\`\`\`sh
journalctl -u backup.service --since today | grep -c ERROR
\`\`\`

> I did not change anything.

An image is not loaded: ![disk usage](https://tracker.example/disk.png), see https://example.org/df for the layout.`;

/** What the fake gateway answers to a message that contains the word. */
export const scriptedAnswers: Readonly<Record<string, Script>> = {
  markdown: { text: markdown },
  high: { text: 'I will clean up the old builds.', ask: seed('high', 'rm -r build dist .cache && find . -name "*.log" -delete', ['`rm -r` deletes folders.', 'Two commands are joined by `&&`; both need leave.', 'No allow rule matches `find`.']) },
  bidi: { text: 'This is what I would run.', ask: seed('high', 'echo "harmless\u202E\u2066 # \u2069" && c\u0430t /workspace/notes\u200B.txt\u00A0', ['The command contains characters that do not show.']) },
  ask: { text: 'I need to list the folder first. May I?', ask: seed('medium', 'ls -la /workspace/private', ['No allow rule matches `ls -la /workspace/private`.']) },
  '!run': { run: 'ls -la', text: 'The command ended with exit code 0.' },
  '!pack': {
    run: 'tar c . | gzip', text: 'The command ended with exit code 0.',
    ends: { binary: true, truncated: true, changedFiles: { total: 104, files: [{ path: 'notes/plan.md', size: 2_048, change: 'changed' }, { path: 'out/b\u202Edm.exe', size: 7, change: 'added' }, { path: 'old.log', size: 3_565_158, change: 'removed' }] } },
  },
  slow: { text: 'This takes a while. I am looking at one file after another', never: true },
  fail: { fail: true, text: 'No model is reachable. Tried http://127.0.0.1:11434. Start one and set MEGABOT_MODEL_URL, or use !run.' },
  stream: { text: 'Hello. I can talk, look things up in memory, and propose commands, which you see before anything runs.' },
};

function seed(risk: Approval['risk'], command: string, reasons: string[]): ApprovalSeed {
  return { risk, command, reasons };
}

/** One pending approval of each kind and risk. */
export const seedApprovals: readonly ApprovalSeed[] = [
  { id: 'k3f9qmlow0000000000000000', risk: 'low', command: 'du -sh /workspace', reasons: ['No allow rule matches `du -sh /workspace`.'], conversation: 'default', turnId: 'seed2', expiresInMs: 3_600_000, more: { mounts: ['the workspace of this conversation, to read and write'], limits: { wallMs: 120_000, memoryBytes: 536_870_912, pids: 256, cpus: 1, outputBytes: 1_048_576, workspaceBytes: 268_435_456 } } },
  { id: 'm2c7vlow20000000000000000', risk: 'low', command: 'date -u', reasons: ['No allow rule matches `date -u`.'], conversation: 'default', turnId: 'seed5', expiresInMs: 3_000_000 },
  { id: '7xw2bhigh0000000000000000', risk: 'high', command: 'find . -type d -name node_modules -prune -exec rm -rf {} +', reasons: ['`find -exec` runs another program.', '`rm -rf` deletes without asking.'], conversation: 'backups', turnId: 'seed4', expiresInMs: 95_000, more: {
    warnings: ['It deletes whatever the pattern finds when it runs, which may be more than now.'],
    network: { hosts: ['pypi.org', 'files.pythonhosted.org'] },
    parts: [
      { words: ['find', '.', '-type', 'd', '-name', 'node_modules', '-prune', '-exec', 'rm', '-rf', '{}', '+'], start: 0, end: 61, verdict: 'ask', rule: null, reason: 'no allow rule covers it' },
      { words: ['rm', '-rf', '{}'], start: 49, end: 58, verdict: 'ask', rule: { list: 'allow', pattern: 'rm build', index: 3 }, reason: 'the rule covers `rm build` alone' },
    ],
  } },
  { id: 'p8d4rfile0000000000000000', kind: 'file_write', risk: 'medium', command: Array.from({ length: 60 }, (_, line) => (line === 0 ? '--- notes/backup-plan.md (60 lines)' : `${line}. Step ${line} of the plan: copy, compare, keep.`)).join('\n'), reasons: ['Writes one file of the workspace.'], conversation: 'default', turnId: 'seed3', expiresInMs: 600_000, more: { diff: `--- a/notes/backup-plan.md\n+++ b/notes/backup-plan.md\n@@ -1,3 +1,4 @@\n # Backup plan\n-Step 1: copy\n+Step 1: copy\u200B and compare\n+Step 2: keep\n The end\n` } },
];

/** Conversations that were there before, by id. */
export const seedTitles: readonly (readonly [id: string, title: string])[] = [['default', 'Server upkeep'], ['backups', 'Backup disk and its schedule'], ['travel', 'Notes for Lisbon']];

/** What was said in the first of them. */
export const seedMessages: readonly (readonly [turnId: string, role: 'user' | 'assistant', text: string])[] = [
  ['seed1', 'user', 'What went wrong with last night’s backup?'],
  ['seed1', 'assistant', markdown],
  ['seed2', 'user', 'How large is the workspace?'],
  ['seed3', 'user', 'Write the backup plan down.'],
];

export function seedAudit(): AuditEntry[] {
  const rows: readonly [event: string, verdict: string | null, text: string | null, rule: string | null, principal?: string][] = [
    ['session.created', null, null, null],
    ['action.judged', 'ask', 'du -sh /workspace', null],
    ['approval.decided', 'approved', 'du -sh /workspace', null],
    ['permit.claimed', 'allow', 'du -sh /workspace', null],
    ['action.judged', 'deny', 'rm -rf / --no-preserve-root', 'rm -rf /'],
    ['action.judged', 'ask', 'uptime', null, 'bridge:telegram:default:10\u202E01'],
  ];
  return rows.map(([event, verdict, text, rule, principal = 'owner'], index) => ({ seq: index + 1, at: Date.now() - (rows.length - index) * 61_000, event, principal, channel: principal === 'owner' ? 'ui' : 'bridge', conversation: 'default', verdict, rule, subject: {}, text, textHash: null, previousHash: 'x', hash: 'y' }));
}
