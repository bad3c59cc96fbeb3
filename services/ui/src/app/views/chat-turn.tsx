import { memo, type ReactNode } from 'react';
import type { ShownMessage } from '../state/state.ts';
import { streamedText } from '../state/reduce-frame.ts';
import { isTalk, waits, type TranscriptGroup } from '../state/selectors.ts';
import { revealed } from '../text/invisible.ts';
import { platformName } from '../text/platform-words.ts';
import { guestOf } from '../text/principal-words.ts';
import { clock } from '../text/time.ts';
import { ApprovalCard } from './approval-card.tsx';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { Markdown } from './markdown.tsx';
import { Quote } from './quote.tsx';
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
      return approval && <Entry key={item.id} who=""><ApprovalCard approval={approval} inChat /></Entry>;
    }
    const run = state.runs[item.id];
    return run && <Entry key={item.id} who=""><RunBlock run={run} approved={turn?.items.some((other) => other.kind === 'approval' && state.approvals[other.id]?.runId === run.id) ?? false} /></Entry>;
  });
  return (
    <section className="turn">
      {group.asked.map((message) => (
        <Asked key={message.id} message={message} />
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

/** What was said to MegaBot: by the person at this page, or by somebody behind a messenger, whose words are quoted. */
function Asked({ message }: { message: ShownMessage }) {
  const guest = guestOf(message.principal);
  if (!guest) {
    return (
      <Entry who="You" at={message.createdAt} said>
        <p className="said">{message.text}</p>
      </Entry>
    );
  }
  const sender = revealed(guest.sender);
  return (
    <Entry who={platformName(guest.platform)} sender={sender} at={message.createdAt}>
      <Quote text={message.text} label={`Written on ${platformName(guest.platform)} by ${sender}`} />
    </Entry>
  );
}

/** One row of the transcript: who and when in the margin, the rest beside it. */
export function Entry({ who, sender, at, said = false, children }: { who: string; sender?: string; at?: number; said?: boolean; children: ReactNode }) {
  return (
    <div className={said ? 'entry from-you' : 'entry'}>
      <div className="margin">
        {who !== '' && <span className="who">{who}</span>}
        {sender !== undefined && <code className="sender">{sender}</code>}
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
