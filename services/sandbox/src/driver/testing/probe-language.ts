/** What a probe left behind, as far as its expectation may ask. */
export interface ProbeOutcome {
  readonly outcome: string;
  readonly exitCode: number | null;
  /** Both streams in the order in which they came. */
  readonly output: string;
  /** The output as a person or a model gets to see it. */
  readonly shown: string;
  readonly truncated: boolean;
  readonly seconds: number;
  /** Whether the container of the run is gone. */
  readonly gone: boolean;
}

/**
 * Evaluates an expectation: `exit=N`, `exit!=N`, `out~/re/flags`, `out!~/re/flags`, `time<Ns`, `timeout`, `truncated`, `gone`,
 * `sanitized`, joined by `&`, which binds tighter, and `|`.
 * @throws Error for what is not in the language: a probe that nobody understands must not count as held.
 */
export function holds(expectation: string, outcome: ProbeOutcome): boolean {
  return split(expectation, '|').some((all) => split(all, '&').every((term) => termHolds(term.trim(), outcome)));
}

function termHolds(term: string, outcome: ProbeOutcome): boolean {
  const exit = /^exit(!?)=(\d+)$/.exec(term);
  if (exit) return (outcome.exitCode === Number(exit[2])) !== (exit[1] === '!');
  const output = /^out(!?)~\/(.*)\/([a-z]*)$/s.exec(term);
  if (output) return new RegExp(output[2] ?? '', output[3]).test(outcome.output) !== (output[1] === '!');
  const time = /^time<(\d+)s$/.exec(term);
  if (time) return outcome.seconds < Number(time[1]);
  switch (term) {
    case 'timeout':
      return outcome.outcome === 'timeout';
    case 'truncated':
      return outcome.truncated;
    case 'gone':
      return outcome.gone;
    case 'sanitized':
      return !/[\0-\x08\x0b-\x1f\x7f-\x9f]/.test(outcome.shown.replaceAll('\r\n', '\n'));
    default:
      throw new Error(`no expectation that this knows: ${term}`);
  }
}

/** Splits at an operator outside of `/…/flags`; a slash inside may stand there as it is, so the end is what nothing but an operator follows. */
function split(text: string, operator: '&' | '|'): string[] {
  const parts = [''];
  let inside = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (!inside && character === operator) {
      parts.push('');
      continue;
    }
    parts.push(`${parts.pop()}${character}`);
    if (character !== '/') continue;
    if (!inside) inside = text[at - 1] === '~';
    else inside = text[at - 1] === '\\' || !/^[dgimsuvy]*\s*([&|]|$)/.test(text.slice(at + 1));
  }
  return parts;
}
