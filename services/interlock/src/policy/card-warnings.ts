import { suspiciousCharacter } from './characters.ts';
import { baseName } from './programs.ts';
import { findStarted } from './started.ts';
import { readTree } from './tree-reader.ts';

const scripts = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Cherokee}/u];
const wider = /[\uff01-\uff5e]|[\u{1d400}-\u{1d7ff}]/u;

/** What a person should notice before deciding on a command, one sentence each. */
export function commandWarnings(command: string): string[] {
  const { started, opaque } = findStarted(readTree(command));
  const names = started.map(({ words }) => baseName(words[0]?.text ?? ''));
  const all = started.flatMap(({ words }) => words.map((word) => word.text));
  const warnings: string[] = [];
  const hidden = suspiciousCharacter(command);
  if (hidden !== null) warnings.push(`${hidden} It is shown as an escape.`);
  if (looksAlike(command)) warnings.push('A word mixes alphabets or uses letters that look like others; it may not be what it looks like.');
  if (/\bxn--/i.test(command) || /https?:\/\/[^\s/]*[^\u0000-\u007f\s/]/i.test(command)) warnings.push('An address has letters that may look like those of another.');
  if (opaque.some((reason) => reason.includes('reads from its input'))) {
    warnings.push(names.some((name) => /^(curl|wget|fetch|aria2c|http|nc|ncat|ssh)$/.test(name)) ? 'It runs what it downloads, unseen.' : 'It hands text to a program that runs it as code.');
  }
  if (opaque.length > 0 && decodes(names, all)) warnings.push('It decodes something and runs it; what that is cannot be seen here.');
  if (names.some((name) => /^(sudo|su|doas|pkexec|runuser)$/.test(name))) warnings.push('It asks for the rights of another user.');
  // Of a text without its end, so that neither pattern has to look for what follows: both take time in proportion to the text.
  const shown = command.trimEnd();
  if (/(?:\n[ \t]*){6}/.test(shown) || /[ \t]{80}/.test(shown)) warnings.push('Long empty space pushes a part of it out of view.');
  return warnings;
}

function decodes(names: readonly string[], words: readonly string[]): boolean {
  const decoder = names.some((name) => /^(base64|base32|basenc|xxd|uudecode|openssl|gunzip|zcat|gzip|rev|tr)$/.test(name));
  return decoder && (words.some((word) => /^(-d|-D|-r|--decode|-dc?|-[a-z]*d[a-z]*|enc)$/.test(word)) || names.some((name) => /^(rev|zcat|gunzip|uudecode|tr)$/.test(name)));
}

/** A word of two alphabets, or a command's name in letters that only look like ASCII. */
function looksAlike(command: string): boolean {
  const words = command.split(/[\s;&|()<>"'`]+/).filter((word) => /[^\u0000-\u007f]/.test(word));
  return words.some((word) => wider.test(word) || scripts.filter((script) => script.test(word)).length > 1 || looksLatin(word));
}

/** Cyrillic and Greek letters alone that spell what reads as Latin. */
const looksLatin = (word: string): boolean => /^[авгекмнорстухіјѕԁԛԝһΑΒΕΖΗΙΚΜΝΟΡΤΥΧοα\d_./-]{1,12}$/u.test(word) && /[^\u0000-\u007f]/.test(word);
