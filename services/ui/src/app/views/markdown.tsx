import { memo, type ReactNode } from 'react';
import { parseMarkdown, type Block, type Inline } from '../text/markdown.ts';
import { quoted } from '../text/quoted.ts';
import { CopyButton } from './copy-button.tsx';

/** Draws parsed markdown with elements of our own; text only ever becomes text. A block that says only `shown` is left out. */
export const Markdown = memo(function Markdown({ text, shown = '' }: { text: string; shown?: string }) {
  // An answer may repeat what somebody hostile wrote.
  return parseMarkdown(quoted(text))
    .filter((block) => shown === '' || block.kind !== 'code' || block.text.trim() !== shown)
    .map((block, index) => <BlockView key={index} block={block} />);
});

function BlockView({ block }: { block: Block }): ReactNode {
  switch (block.kind) {
    case 'paragraph':
      return <p>{inlines(block.children)}</p>;
    case 'quote':
      return <blockquote>{inlines(block.children)}</blockquote>;
    case 'heading':
      // The page's own headings come first; an answer's begin below them.
      return block.level <= 2 ? <h3>{inlines(block.children)}</h3> : <h4>{inlines(block.children)}</h4>;
    case 'rule':
      return <hr />;
    case 'list':
      return (
        <ul className="list">
          {block.items.map((item, index) => (
            <li key={index} className={`depth-${item.depth}`}>
              <span className="marker">{item.marker}</span>
              <span>{inlines(item.children)}</span>
            </li>
          ))}
        </ul>
      );
    case 'code':
      return (
        <figure className="code">
          <figcaption>
            <span>{block.language || 'text'}</span>
            <CopyButton text={block.text} what="code" />
          </figcaption>
          <pre tabIndex={0}>
            <code>{block.text}</code>
          </pre>
        </figure>
      );
  }
}

const inlines = (children: readonly Inline[]): ReactNode => children.map((child, index) => <InlineView key={index} inline={child} />);

function InlineView({ inline }: { inline: Inline }): ReactNode {
  switch (inline.kind) {
    case 'text':
      return inline.text;
    case 'code':
      return <code>{inline.text}</code>;
    case 'bold':
      return <strong>{inlines(inline.children)}</strong>;
    case 'emphasis':
      return <em>{inlines(inline.children)}</em>;
    case 'link':
      return (
        <>
          {inline.text !== inline.href && `${inline.text} `}
          <a href={inline.href} target="_blank" rel="noopener noreferrer">
            {inline.href}
          </a>
        </>
      );
    case 'image':
      return (
        <span className="not-loaded">
          image not loaded: {inline.text} ({inline.href})
        </span>
      );
  }
}
