import { memo, type ReactNode } from 'react';
import { streamedText } from '../state/reduce-frame.ts';
import { isTalk, waits, type TranscriptGroup } from '../state/selectors.ts';
import { clock } from '../text/time.ts';
import { ApprovalCard } from './approval-card.tsx';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { Markdown } from './markdown.tsx';
import { RunBlock } from './run-block.tsx';

/** What was asked, what happened on the way, and the answer. */
export function ChatTurn({ group }: { group: TranscriptGroup }) {
  const { state } = useApp();
  const { turn } = group;
  const status = turn?.status;
  const streaming = turn?.items.some((item) => item.kind === 'text') ?? false;
  const busy = turn !== null && isTalk(group) && (status === 'queued' || status === 'running') && group.answers.length === 0 && !waits(state, turn);
  // The answer of a `!run` repeats what the run block above it shows already.
  const lastRun = turn?.items.findLast((item) => item.kind === 'run');
  const lastOutput = lastRun?.kind === 'run' ? (state.runs[lastRun.id]?.run?.output.trim() ?? '') : '';
  const events = (turn?.items ?? []).map((item): ReactNode => {
    if (item.kind === 'text') return turn && <Entry key="text" who="MegaBot"><Answer text={streamedText(turn)} live={!waits(state, turn)} /></Entry>;
    if (item.kind === 'approval') {
      const approval = state.approvals[item.id];
      return approval && <Entry key={item.id} who=""><ApprovalCard approval={approval} /></Entry>;
    }
    const run = state.runs[item.id];
    return run && <Entry key={item.id} who=""><RunBlock run={run} approved={turn?.items.some((other) => other.kind === 'approval' && state.approvals[other.id]?.runId === run.id) ?? false} /></Entry>;
  });
  return (
    <section className="turn">
      {group.asked.map((message) => (
        <Entry key={message.id} who="You" at={message.createdAt} said>
          <p className="said">{message.text}</p>
        </Entry>
      ))}
      {events}
      {busy && !streaming && (
        <Entry who="MegaBot">
          <p className="working">{status === 'queued' ? 'Queued' : 'Working'}</p>
        </Entry>
      )}
      {group.answers.map((message) => (
        <Entry key={message.id} who="MegaBot" at={message.createdAt}>
          <Answer text={message.text} shown={lastOutput} />
        </Entry>
      ))}
      {(status === 'failed' || status === 'cancelled') && (
        <Entry who="">
          <p className="ended">
            <Icon name={status === 'failed' ? 'alert' : 'stop'} size={14} />
            {status === 'failed' ? 'This turn failed.' : 'This turn was stopped.'}
          </p>
        </Entry>
      )}
    </section>
  );
}

/** One row of the transcript: who and when in the margin, the rest beside it. */
export function Entry({ who, at, said = false, children }: { who: string; at?: number; said?: boolean; children: ReactNode }) {
  return (
    <div className={said ? 'entry from-you' : 'entry'}>
      <div className="margin">
        {who !== '' && <span className="who">{who}</span>}
        {at !== undefined && <time dateTime={new Date(at).toISOString()}>{clock(at, Date.now())}</time>}
      </div>
      <div className="body">{children}</div>
    </div>
  );
}

// Answers do not change, and parsing all of them at every piece of a new one would make long conversations slow.
const Answer = memo(function Answer({ text, live = false, shown = '' }: { text: string; live?: boolean; shown?: string }) {
  return (
    <div className={live ? 'answer live' : 'answer'} aria-busy={live}>
      <Markdown text={text} shown={shown} />
    </div>
  );
});
