/** Deeper than this nobody nests by hand. */
const maxDepth = 24;
/** Words times depth: what the reader of trees does in well under the time that a decision may take. */
const maxWork = 20_000;
/** A text that no rule can allow for its length gets less time; looking for denied words does not depend on it. */
const longText = 8_192;
const maxWorkOfLong = 8_000;
const maxKeywords = 200;
const maxBackquotes = 400;
const maxDocuments = 40;

/**
 * Says why a text is not given to the reader of trees, or null. It looks at every place once, knows nothing of quotes, and so
 * takes more for nested than is; a reader that follows nesting by recursion is never called without this bound.
 */
export function tooIntricate(text: string): string | null {
  let depth = 0;
  let deepest = 0;
  let backquotes = 0;
  let documents = 0;
  /** Quotes and wildcards cut words into parts, which take less time than words. */
  let marks = 0;
  let work = 1;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x28: // (
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        deepest = Math.max(deepest, depth);
        break;
      case 0x29: // )
      case 0x5d: // ]
      case 0x7d: // }
        depth = Math.max(0, depth - 1);
        break;
      case 0x60: // `
        backquotes += 1;
        break;
      case 0x3c: // <
        if (text.charCodeAt(at + 1) === 0x3c) documents += 1;
        work += 1;
        break;
      case 0x09:
      case 0x0a:
      case 0x20:
        // A run of white space is one.
        if (text.charCodeAt(at - 1) > 0x20) work += 1;
        break;
      case 0x22: // "
      case 0x27: // '
      case 0x2a: // *
      case 0x3f: // ?
        marks += 1;
        break;
      case 0x24: // $
      case 0x26: // &
      case 0x2c: // ,
      case 0x3b: // ;
      case 0x3e: // >
      case 0x7c: // |
        work += 1;
        break;
      default:
    }
  }
  if (deepest > maxDepth || hasManyKeywords(text)) return 'It is nested too deeply to be read.';
  work += marks / 4;
  if (work * (deepest + 1) > (text.length > longText ? maxWorkOfLong : maxWork) || backquotes > maxBackquotes || documents > maxDocuments) return 'It is too intricate to be read.';
  return null;
}

/** Definitions and keywords nest without a bracket. */
function hasManyKeywords(text: string): boolean {
  if (text.length < maxKeywords * 2) return false;
  let count = 0;
  for (const _ of text.matchAll(/\b(?:if|elif|while|until|for|select|case|coproc|function|time)\b|\(\s{0,40}\)/g)) if (++count > maxKeywords) return true;
  return false;
}
