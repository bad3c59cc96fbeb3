import { useMemo } from 'react';
import { oddities, revealInvisible } from '../text/invisible.ts';
import { Icon } from './icons.tsx';

/** A text in which nothing hides: what does not show is spelled out, and what is not plain ASCII is underlined. */
export function RevealedText({ text }: { text: string }) {
  const pieces = useMemo(() => revealInvisible(text), [text]);
  return pieces.map((piece, index) => (piece.kind === 'plain' ? piece.text : <span key={index} className={piece.kind}>{piece.text}</span>));
}

/** What has to be said of a text beyond its characters; nothing for plain ASCII. `say` fits the notes to the place. */
export function Oddities({ text, say = (note) => note }: { text: string; say?: (note: string) => string }) {
  const notes = useMemo(() => oddities(text), [text]);
  return notes.map((note) => (
    <p className="oddity" key={note}>
      <Icon name="alert" size={14} />
      {say(note)}
    </p>
  ));
}
