import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react';
import { keepDraft, keptDraft } from '../state/keep.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';

const longest = 65_536;

interface ComposerProps {
  readonly conversation: string;
  /** A failed message taken back to be edited; a new `key` each time. */
  readonly edited: { readonly text: string; readonly key: number } | null;
  readonly busy: boolean;
  readonly waiting: boolean;
  readonly onStop: () => void;
}

/** The field to write in. What is in it is kept for this tab, so that no reload and no failure takes it away. */
export function Composer({ conversation, edited, busy, waiting, onStop }: ComposerProps) {
  const { controller } = useApp();
  const [text, setText] = useState(() => keptDraft(conversation));
  const field = useRef<HTMLTextAreaElement>(null);
  const tooLong = text.length > longest;

  useEffect(() => keepDraft(conversation, text), [conversation, text]);
  useEffect(() => {
    if (!edited) return;
    setText((present) => (present.trim() === '' ? edited.text : `${edited.text}\n${present}`));
    field.current?.focus();
  }, [edited]);
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(element.scrollHeight, Math.round(window.innerHeight * 0.4))}px`;
  }, [text]);

  const send = () => {
    if (text.trim() === '' || tooLong) return;
    controller.send(conversation, text);
    setText('');
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Escape') event.currentTarget.blur();
    if (event.key !== 'Enter' || event.shiftKey || (matchMedia('(pointer: coarse)').matches && !event.ctrlKey)) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="composer-row">
        <label className="visually-hidden" htmlFor="message">
          Message
        </label>
        <textarea id="message" ref={field} rows={1} value={text} placeholder="Message or !run …" aria-describedby="composer-hint" onChange={(event) => setText(event.target.value)} onKeyDown={onKeyDown} />
        {busy && (
          <button type="button" className="stop" onClick={onStop}>
            <Icon name="stop" size={14} />
            Stop
          </button>
        )}
        <button type="submit" className="primary send" aria-disabled={text.trim() === '' || tooLong}>
          <Icon name="send" size={15} />
          Send
        </button>
      </div>
      <p id="composer-hint" className="composer-hint">
        {tooLong ? <span role="alert">{text.length - longest} characters too many.</span> : waiting ? 'Waiting for your decision above. You can go on writing.' : 'Enter sends, Shift+Enter breaks the line, Ctrl+. opens what is pending.'}
      </p>
    </form>
  );
}
