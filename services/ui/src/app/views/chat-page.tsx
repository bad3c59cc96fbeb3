import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { Mode } from '@megabot/contracts/conversation.ts';
import { platformName } from '../text/platform-words.ts';
import { guestOf } from '../text/principal-words.ts';
import { openTurn, transcript, waits } from '../state/selectors.ts';
import { routeHash } from '../route.ts';
import type { ApiProblem } from '../wire/api.ts';
import { ChatTurn } from './chat-turn.tsx';
import { Composer } from './composer.tsx';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { MessengerMark } from './messenger-mark.tsx';
import { OutgoingMessage } from './outgoing-message.tsx';
import { ProblemText } from './problem-text.tsx';
import { titleOf } from '../text/title.ts';

const modes: readonly { readonly mode: Mode; readonly says: string }[] = [
  { mode: 'plan', says: 'Plan: MegaBot talks and proposes nothing that changes anything.' },
  { mode: 'ask', says: 'Ask: what the policy does not allow waits for you.' },
  { mode: 'build', says: 'Build: like ask, with file edits of the workspace in one approval.' },
];

/** One conversation: its title and mode, what was said and done, and the field to say more. */
export function ChatPage({ conversation, menuButton, pendingButton }: { conversation: string; menuButton: ReactNode; pendingButton: ReactNode }) {
  const { state, controller } = useApp();
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [edited, setEdited] = useState<{ text: string; key: number } | null>(null);
  const groups = transcript(state, conversation);
  const outgoing = state.outbox.filter((message) => message.conversation === conversation);
  const turn = openTurn(state, conversation);
  const scroller = useStickToEnd(conversation);
  const cursor = state.earlier[conversation] ?? null;
  const known = state.conversations.find((one) => one.id === conversation);
  const mode = known?.mode ?? 'ask';
  // A gateway of before says nothing of the chat; then its messages do.
  const platform = known?.messenger?.platform ?? state.messages[conversation]?.map((message) => guestOf(message.principal)).findLast((one) => one !== null)?.platform;

  const change = async (update: { title?: string; mode?: Mode }) => setProblem(await controller.update(conversation, update));
  return (
    <div className="chat">
      <header className="bar">
        {menuButton}
        <Title title={titleOf(known ?? { id: conversation, title: '' })} onRename={(title) => void change({ title })} />
        {known?.messenger && <MessengerMark chat={known.messenger} />}
        <span className="spring" />
        <a className="files-link" href={routeHash({ page: 'files', conversation })} title="Files of this conversation">
          <Icon name="folder" />
          <span className="files-word">Files</span>
        </a>
        <label className="mode-chip" title={modes.find((one) => one.mode === mode)?.says}>
          <span className="visually-hidden">Mode</span>
          <select value={mode} onChange={(event) => void change({ mode: event.target.value as Mode })}>
            {modes.map((one) => (
              <option key={one.mode} value={one.mode}>
                {one.mode}
              </option>
            ))}
          </select>
        </label>
        {pendingButton}
      </header>
      {problem && <ProblemText problem={problem} />}
      {platform !== undefined && (
        <p className="from-messenger">
          <Icon name="messengers" size={15} />
          <span>
            <strong>A chat on {platformName(platform)}.</strong> What was written there is quoted. What you write here stays here, and so does the answer to it.
          </span>
        </p>
      )}
      <div className="transcript" ref={scroller} role="log" aria-label="Conversation" tabIndex={0}>
        <div className="transcript-inner">
          {cursor !== null && (
            <button type="button" className="plain earlier" onClick={() => void controller.earlier(conversation, cursor).then(setProblem)}>
              Show earlier messages
            </button>
          )}
          {groups.length === 0 && outgoing.length === 0 && state.loaded[conversation] && <EmptyChat />}
          {groups.map((group) => (
            <ChatTurn key={group.turnId} group={group} />
          ))}
          {outgoing.map((message) => (
            <OutgoingMessage key={message.id} message={message} onEdit={() => setEdited({ text: message.text, key: message.at })} />
          ))}
        </div>
      </div>
      <Composer
        conversation={conversation}
        edited={edited}
        busy={turn !== null}
        waiting={turn !== null && waits(state, turn)}
        onStop={() => void controller.stop(conversation).then(setProblem)}
      />
    </div>
  );
}

function Title({ title, onRename }: { title: string; onRename: (title: string) => void }) {
  const [editing, setEditing] = useState(false);
  const done = (text: string) => {
    setEditing(false);
    if (text.trim() !== '' && text.trim() !== title) onRename(text.trim());
  };
  if (!editing) {
    return (
      <h1 className="title">
        <bdi>{title}</bdi>
        <button type="button" className="icon-button" aria-label="Rename conversation" onClick={() => setEditing(true)}>
          <Icon name="pencil" size={14} />
        </button>
      </h1>
    );
  }
  return (
    <input
      className="title-field"
      aria-label="Title of the conversation"
      defaultValue={title}
      maxLength={200}
      autoFocus
      onFocus={(event) => event.target.select()}
      onBlur={(event) => done(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') done(event.currentTarget.value);
        if (event.key === 'Escape') setEditing(false);
      }}
    />
  );
}

function EmptyChat() {
  return (
    <div className="empty">
      <h2>Nothing has been said here yet</h2>
      <p>Ask for something, or run one command yourself. Whatever would touch anything is shown to you first.</p>
      <dl className="examples">
        <dt><code>!run ls -la</code></dt>
        <dd>run one command in a throw-away container</dd>
        <dt><code>!policies</code></dt>
        <dd>what is allowed and denied</dd>
        <dt><code>!help</code></dt>
        <dd>all commands</dd>
      </dl>
    </div>
  );
}

/** Keeps the end in view while it grows, unless the reader has scrolled away from it. */
function useStickToEnd(conversation: string) {
  const scroller = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = scroller.current;
    const inner = element?.firstElementChild;
    if (!element || !inner) return;
    let stuck = true;
    const toEnd = () => {
      if (stuck) element.scrollTop = element.scrollHeight;
    };
    let top = 0;
    // Only moving up leaves the end: content that grew since the last look is no wish of the reader's.
    const onScroll = () => {
      const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 48;
      stuck = atEnd || (stuck && element.scrollTop >= top);
      top = element.scrollTop;
    };
    const observer = new ResizeObserver(toEnd);
    observer.observe(inner);
    observer.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, [conversation]);
  return scroller;
}
