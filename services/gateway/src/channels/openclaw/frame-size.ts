const [quote, backslash, comma, openBrace, closeBrace, openBracket, closeBracket] = Buffer.from('"\\,{}[]');

/** Real pages of history hold some ten thousand values, a few levels deep. */
const mostValues = 150_000;
const deepest = 64;

/**
 * Whether parsing this JSON text (UTF-8) takes memory of the order of its length. Four MiB of nothing but brackets become more
 * than a hundred MiB of objects, enough to have the process killed; so values and depth are counted on the bytes first.
 */
export function isPlainEnough(bytes: Uint8Array, limits = { values: mostValues, depth: deepest }): boolean {
  let values = 1;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case quote:
        // Inside a text nothing counts; a backslash takes the character behind it along. UTF-8 hides no quote in another character.
        for (at++; at < bytes.length && bytes[at] !== quote; at++) if (bytes[at] === backslash) at++;
        break;
      case openBrace:
      case openBracket:
        values += 1;
        depth += 1;
        break;
      case closeBrace:
      case closeBracket:
        depth -= 1;
        break;
      case comma:
        values += 1;
        break;
      default:
        break;
    }
    if (values > limits.values || depth > limits.depth) return false;
  }
  return true;
}
