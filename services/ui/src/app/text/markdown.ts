/**
 * The little markdown that answers need: paragraphs, headings, lists, quotes, fenced blocks; code, bold, emphasis and links
 * inside. The result is a tree of plain values: no HTML ever exists, so nothing has to be cleaned, and an image is named
 * instead of loaded, because loading one would tell its host what was read and when.
 */
export type Inline =
  | { readonly kind: 'text' | 'code'; readonly text: string }
  | { readonly kind: 'bold' | 'emphasis'; readonly children: readonly Inline[] }
  /** `href` is http or https; the address is always shown. */
  | { readonly kind: 'link'; readonly text: string; readonly href: string }
  | { readonly kind: 'image'; readonly text: string; readonly href: string };

export interface ListItem {
  readonly depth: number;
  readonly marker: string;
  readonly children: readonly Inline[];
}

export type Block =
  | { readonly kind: 'paragraph' | 'quote'; readonly children: readonly Inline[] }
  | { readonly kind: 'heading'; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: 'code'; readonly language: string; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly ListItem[] }
  | { readonly kind: 'rule' };

const fence = /^ {0,3}(```+|~~~+)\s*([^\s`]*)[^`]*$/;
const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const listItem = /^( *)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const rule = /^ {0,3}([-*_])( *\1){2,} *$/;

/** Parses text of any length in one pass over its lines; a fence that is still open (streaming) reaches to the end. */
export function parseMarkdown(source: string): readonly Block[] {
  const lines = source.replace(/\r\n?/g, '\n').split('\n');
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  let quote: string[] = [];
  let items: ListItem[] = [];
  const flush = () => {
    if (paragraph.length > 0) blocks.push({ kind: 'paragraph', children: parseInline(paragraph.join('\n')) });
    if (quote.length > 0) blocks.push({ kind: 'quote', children: parseInline(quote.join('\n')) });
    if (items.length > 0) blocks.push({ kind: 'list', items });
    paragraph = [];
    quote = [];
    items = [];
  };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const opening = fence.exec(line);
    if (opening) {
      flush();
      const mark = opening[1] ?? '```';
      const code: string[] = [];
      while (++at < lines.length && !closes(lines[at] ?? '', mark)) code.push(lines[at] ?? '');
      blocks.push({ kind: 'code', language: opening[2] ?? '', text: code.join('\n') });
      continue;
    }
    const title = heading.exec(line);
    const item = listItem.exec(line);
    if (line.trim() === '') flush();
    else if (rule.test(line)) {
      flush();
      blocks.push({ kind: 'rule' });
    } else if (title) {
      flush();
      blocks.push({ kind: 'heading', level: title[1]?.length ?? 1, children: parseInline(title[2] ?? '') });
    } else if (item) {
      if (items.length === 0) flush();
      items.push({ depth: Math.min(3, Math.floor((item[1]?.length ?? 0) / 2)), marker: /\d/.test(item[2] ?? '') ? (item[2] ?? '') : '•', children: parseInline(item[3] ?? '') });
    } else if (line.startsWith('>')) {
      if (quote.length === 0) flush();
      quote.push(line.replace(/^>\s?/, ''));
    } else if (items.length > 0 && /^\s+\S/.test(line)) {
      const last = items.pop();
      if (last) items.push({ ...last, children: [...last.children, ...parseInline(`\n${line.trim()}`)] });
    } else {
      if (items.length > 0 || quote.length > 0) flush();
      paragraph.push(line);
    }
  }
  flush();
  return blocks;
}

const closes = (line: string, mark: string): boolean => {
  const text = line.trim();
  return text.length >= mark.length && text === mark.charAt(0).repeat(text.length);
};

// One alternative each: code, image, link, bold, emphasis, bare address. Every repetition is bounded and excludes its own
// delimiter, so that no answer, however odd, takes time beyond its length.
const inline =
  /(`{1,4})([^`]{1,4000})\1(?!`)|!\[([^\]\n]{0,300})\]\(([^()\s]{0,2000})\)|\[([^\][\n]{1,300})\]\(([^()\s]{0,2000})\)|\*\*([^*\n]{1,2000})\*\*|(?<![\w*])\*([^*\s][^*\n]{0,2000})\*(?![\w*])|(https?:\/\/[^\s<>()\]"'`]{1,2000})/g;

/** Parses what stands inside a block. */
export function parseInline(source: string): readonly Inline[] {
  const out: Inline[] = [];
  let from = 0;
  for (const match of source.matchAll(inline)) {
    if (match.index > from) out.push({ kind: 'text', text: source.slice(from, match.index) });
    from = match.index + match[0].length;
    const [whole, , code, imageText, imageHref, linkText, linkHref, bold, emphasis, address] = match;
    if (code !== undefined) out.push({ kind: 'code', text: code });
    else if (imageHref !== undefined) out.push({ kind: 'image', text: imageText ?? '', href: imageHref });
    else if (linkText !== undefined) out.push(linkHref !== undefined && isWebAddress(linkHref) ? { kind: 'link', text: linkText, href: linkHref } : { kind: 'text', text: whole });
    else if (bold !== undefined) out.push({ kind: 'bold', children: parseInline(bold) });
    else if (emphasis !== undefined) out.push({ kind: 'emphasis', children: parseInline(emphasis) });
    else if (address !== undefined) {
      const href = address.replace(/[.,;:!?]+$/, '');
      from -= address.length - href.length;
      out.push(isWebAddress(href) ? { kind: 'link', text: href, href } : { kind: 'text', text: href });
    }
  }
  if (from < source.length) out.push({ kind: 'text', text: source.slice(from) });
  return out;
}

function isWebAddress(href: string): boolean {
  return URL.canParse(href) && ['http:', 'https:'].includes(new URL(href).protocol);
}
