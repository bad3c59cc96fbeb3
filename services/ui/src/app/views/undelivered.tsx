import { undeliveredWords } from '../text/bridge-words.ts';
import { revealed } from '../text/invisible.ts';
import { clock } from '../text/time.ts';
import type { UndeliveredView } from '../wire/bridge.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';

/** As many as the gateway lists. */
const mostListed = 100;

/** Answers that have not arrived, and why. Chats and reasons are others' words, so nothing in them is obeyed. */
export function Undelivered({ answers }: { answers: readonly UndeliveredView[] }) {
  const { controller } = useApp();
  const now = controller.api.serverNow();
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
                <strong>{revealed(answer.platform)}</strong> <code>{revealed(answer.chat)}</code> <time className="quiet" dateTime={new Date(answer.createdAt).toISOString()}>{clock(answer.createdAt, now)}</time>
              </p>
              <p>{revealed(answer.reason)}</p>
              <p className="quiet">{undeliveredWords(answer, now)}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
