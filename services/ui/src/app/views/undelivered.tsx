import { useEffect, useRef, useState } from 'react';
import type { UndeliveredReport } from '@megabot/contracts/bridge-report.ts';
import { routeHash } from '../route.ts';
import { undeliveredKind, undeliveredWords } from '../text/bridge-words.ts';
import { revealed } from '../text/invisible.ts';
import { clock } from '../text/time.ts';
import { platformName } from '../text/platform-words.ts';
import type { ApiProblem } from '../wire/api.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';
import { UndeliveredDecision } from './undelivered-decision.tsx';

/** As many as the gateway lists. */
const mostListed = 100;

/** Answers that have not arrived, why, and what to do about each. Chats and reasons are others' words, so nothing in them is obeyed. */
export function Undelivered({ answers, onChange }: { answers: readonly UndeliveredReport[]; onChange: () => Promise<void> }) {
  const { controller } = useApp();
  const now = controller.api.serverNow();
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState({ text: '' });
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const words = useRef<HTMLParagraphElement>(null);
  // The row that was decided about may be gone, and the keyboard must not fall back to the page's top.
  useEffect(() => {
    if (said.text !== '') words.current?.focus();
  }, [said]);
  const decide = async (id: string, decision: 'discard' | 'retry') => {
    setBusy(true);
    setProblem(await controller.attempt(controller.api.decideUndelivered(id, decision).then(({ message }) => setSaid({ text: message }), (error: unknown) => {
      setSaid({ text: '' });
      throw error;
    })));
    await onChange();
    setBusy(false);
  };
  return (
    <section className="panel" aria-labelledby="undelivered-title">
      <h2 id="undelivered-title">
        <Icon name="send" />
        Answers that have not arrived
        <span className="count">{answers.length >= mostListed ? `${mostListed} or more` : answers.length}</span>
      </h2>
      {answers.length === 0 && <p className="quiet">None: every answer arrived, as far as OpenClaw tells.</p>}
      <ul className="rows">
        {answers.map((answer) => (
          <li key={answer.id} className="undelivered">
            <Icon name={answer.state === 'failed' ? 'cross' : 'clock'} size={14} />
            <div>
              <p>
                <strong>{platformName(answer.platform)}</strong> <code>{revealed(answer.chat)}</code> <time className="quiet" dateTime={new Date(answer.createdAt).toISOString()}>{clock(answer.createdAt, now)}</time>
              </p>
              <Which answer={answer} />
              <p>{revealed(answer.reason)}</p>
              <p className="quiet">{undeliveredWords(answer, now)}</p>
            </div>
            <UndeliveredDecision answer={answer} busy={busy} onDecide={(decision) => void decide(answer.id, decision)} />
          </li>
        ))}
      </ul>
      {problem && <ProblemText problem={problem} />}
      <p className="quiet" role="status" ref={words} tabIndex={-1}>
        {said.text}
      </p>
    </section>
  );
}

/** Which of the things that are said to people it is, and the way to it. */
function Which({ answer }: { answer: UndeliveredReport }) {
  const { controller } = useApp();
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const kind = undeliveredKind(answer.id);
  const open = async (turn: string) => {
    setProblem(await controller.attempt(controller.api.turn(turn).then(({ conversation }) => void (location.hash = routeHash({ page: 'chat', conversation })))));
  };
  return (
    <>
      <p className="which">
        {kind.words}
        {kind.approval !== undefined && <a href={routeHash({ page: 'approvals', approval: kind.approval })}>Open the approval</a>}
        {kind.turn !== undefined && (
          <button type="button" className="plain" aria-label={`Open the conversation of the answer to ${revealed(answer.chat)}`} onClick={() => void open(kind.turn ?? '')}>
            Open the conversation
          </button>
        )}
      </p>
      {problem && <ProblemText problem={problem} />}
    </>
  );
}
