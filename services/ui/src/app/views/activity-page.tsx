import { useCallback, useEffect, useState } from 'react';
import type { AuditEntry } from '@megabot/contracts/audit.ts';
import { neutralText } from '@megabot/contracts/neutral-text.ts';
import { revealed } from '../text/invisible.ts';
import { principalWords } from '../text/principal-words.ts';
import { clock } from '../text/time.ts';
import type { ApiProblem } from '../wire/api.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';

/** The audit log, newest first, and the proof that nothing in it was changed. */
export function ActivityPage() {
  const { controller } = useApp();
  const [entries, setEntries] = useState<readonly AuditEntry[] | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [verified, setVerified] = useState<{ ok: boolean; text: string } | null>(null);
  const read = useCallback(
    async (from?: string) => {
      const result = await controller.attempt(
        controller.api.audit(from).then((page) => {
          setCursor(page.nextCursor);
          setEntries((present) => merged(from === undefined ? [] : (present ?? []), page.entries));
        }),
      );
      setProblem(result);
    },
    [controller],
  );
  useEffect(() => void read(), [read]);
  const verify = async () => {
    const result = await controller.attempt(
      controller.api.verifyAudit().then(({ ok, entries: count, firstBreak }) =>
        setVerified({ ok, text: ok ? `The chain of ${count} entries is whole.` : `The chain breaks at entry ${firstBreak?.seq ?? '?'}: ${firstBreak?.problem ?? 'unknown'}.` }),
      ),
    );
    if (result) setProblem(result);
  };
  return (
    <>
      <div className="row">
        <p className="lead">Every verdict, decision and run. Entries are chained by their hashes, so that a change shows.</p>
        <span className="spring" />
        <button type="button" onClick={() => void verify()}>
          Verify
        </button>
        <button type="button" className="plain" onClick={() => void read()}>
          Refresh
        </button>
      </div>
      {verified && (
        <p className={verified.ok ? 'note' : 'problem'} role="status">
          <Icon name={verified.ok ? 'check' : 'alert'} />
          {verified.text}
        </p>
      )}
      {problem && <ProblemText problem={problem} />}
      {entries?.length === 0 && <p className="empty quiet">Nothing has happened yet.</p>}
      <ol className="audit">
        {entries?.map((entry) => (
          <li key={entry.seq}>
            <span className="id tabular">{entry.seq}</span>
            <time dateTime={new Date(entry.at).toISOString()}>{clock(entry.at, Date.now())}</time>
            <span className="event">{entry.event.replaceAll('_', ' ')}</span>
            <span className="audit-words">
              {entry.verdict !== null && <strong>{entry.verdict}</strong>}
              {entry.principal !== null && <span title={revealed(entry.principal)}>{principalWords(entry.principal)}</span>}
              {entry.channel !== null && <span>via {entry.channel}</span>}
              {entry.rule !== null && (
                <span>
                  rule <code>{entry.rule}</code>
                </span>
              )}
            </span>
            {entry.text !== null && <code className="audit-text">{neutralText(entry.text)}</code>}
          </li>
        ))}
      </ol>
      {cursor !== null && (
        <button type="button" className="plain earlier" onClick={() => void read(cursor)}>
          Show earlier entries
        </button>
      )}
    </>
  );
}

function merged(present: readonly AuditEntry[], news: readonly AuditEntry[]): readonly AuditEntry[] {
  const bySeq = new Map([...present, ...news].map((entry) => [entry.seq, entry]));
  return [...bySeq.values()].toSorted((a, b) => b.seq - a.seq);
}
