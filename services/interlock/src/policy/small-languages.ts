import type { Word } from './word.ts';

const sedFlag = /^(-[nErsuz]+|--quiet|--silent|--regexp-extended|--null-data|--separate|--unbuffered|--posix|--debug)$/;

/** The word of a call of sed that runs a program, touches another file or is not understood; undefined if there is none. */
export function sedEscape(open: readonly Word[]): string | undefined {
  let scripts = 0;
  let optionsEnded = false;
  for (let at = 0; at < open.length; at++) {
    const word = open[at];
    if (!word) break;
    const { text } = word;
    if (word.glob && (word.text.startsWith('-') || scripts === 0)) return text;
    if (!optionsEnded && text === '--') optionsEnded = true;
    else if (!optionsEnded && /^-[nErsuz]*e$/.test(text)) {
      const script = open[at + 1];
      if (!script || !isHarmlessSed(script.text)) return script?.text ?? text;
      scripts += 1;
      at += 1;
    } else if (!optionsEnded && text.startsWith('--expression=')) {
      if (!isHarmlessSed(text.slice(13))) return text;
      scripts += 1;
    } else if (!optionsEnded && text.startsWith('-') && text !== '-') {
      if (!sedFlag.test(text)) return text;
    } else if (scripts === 0) {
      if (!isHarmlessSed(text)) return text;
      scripts += 1;
    }
  }
  return undefined;
}

/** Whether a word may be a script of sed with the command `e`, or a substitution with that flag. */
export const mayRunPrograms = (word: string): boolean =>
  !word.startsWith('-') && word.length < 8_192 && /(^|[\d$!;{}/\s])e(\s|$|;)|[/|,#:@][gpIiM\d]{0,8}e[gpIiM\d]{0,8}\s*(;|\}|$)/m.test(word) && /[\s/|;]|^e/.test(word);

const address = /^(?:\d+(?:~\d+)?|\$|\/(?:\\[^\n]|[^/\\\n[])*\/[IM]?)/;
const range = /^,(?:[+~]?\d+|\$|\/(?:\\[^\n]|[^/\\\n[])*\/[IM]?)/;

/** Whether a script only prints, deletes, joins and substitutes lines: none of `e`, `r`, `w` and what is not known. */
export function isHarmlessSed(script: string): boolean {
  let rest = script;
  const take = (pattern: RegExp): boolean => {
    const match = pattern.exec(rest);
    if (!match) return false;
    rest = rest.slice(match[0].length);
    return true;
  };
  for (let commands = 0; commands < 200; commands++) {
    take(/^[\s;]*/);
    if (rest === '') return commands > 0;
    if (take(address)) take(range);
    take(/^\s*!?\s*/);
    if (take(/^[{}]/)) continue;
    if (take(/^(?:[pdDPnNgGhHx=lz]|[qQ]\s*\d*)(?=\s*(?:[;}\n]|$))/)) continue;
    const substitution = /^s([/|,#:@!%+_])/.exec(rest);
    if (!substitution) return false;
    const mark = substitution[1] ?? '/';
    const part = `(?:\\\\[^\\n]|[^\\\\\\n[${mark === '|' || mark === '+' ? `\\${mark}` : mark}]|\\[\\^?\\]?[^\\]\\n\\\\]*\\])*`;
    const quoted = mark === '|' || mark === '+' ? `\\${mark}` : mark;
    if (!take(new RegExp(`^s${quoted}${part}${quoted}(?:\\\\[^\\n]|[^\\\\\\n${quoted}])*${quoted}[gpIiM\\d]*(?=\\s*(?:[;}\\n]|$))`))) return false;
  }
  return false;
}

/** The word of a call of awk that starts a program, writes a file, reads its program from one or is not understood. */
export function awkEscape(open: readonly Word[]): string | undefined {
  let program: string | undefined;
  for (let at = 0; at < open.length; at++) {
    const word = open[at];
    if (!word) break;
    if (word.glob && (program === undefined || word.text.startsWith('-'))) return word.text;
    // Some stop reading options at the program, some do not.
    if (program !== undefined && /^-./.test(word.text)) return word.text;
    if (program !== undefined) continue;
    if (/^-[Fv]$/.test(word.text)) at += 1;
    else if (/^-[Fv]/.test(word.text)) continue;
    else if (word.text.startsWith('-')) return word.text;
    else {
      program = word.text;
      if (/[|>@`]|system|getline|\bclose\b|\bfflush\b/.test(program)) return program;
    }
  }
  return undefined;
}
