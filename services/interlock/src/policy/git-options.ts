import { mayBecomeOption, type Word } from './word.ts';

const list = (text: string): string[] => text.split(' ');

/** Options that start a program or write elsewhere, whatever the subcommand. */
const everywhere = list(
  'output output-directory ext-diff textconv filters upload-pack receive-pack exec exec-path git-dir work-tree config config-env template open-files-in-pager no-index namespace super-prefix attr-source pathspec-from-file',
);
/** Whole names of options that are harmless although they abbreviate one of those. */
const harmless = new Set(['text']);

interface Subcommand {
  readonly long?: readonly string[];
  readonly short?: string;
  /** Short options whose value may follow in the same word. */
  readonly valued?: string;
}

/** What a broad rule does not cover of the subcommands that read, or change only the index and the branch. */
const subcommands: Readonly<Record<string, Subcommand>> = {
  branch: { long: list('delete move copy force edit-description set-upstream-to unset-upstream create-reflog'), short: 'dDmMcCfu' },
  add: { long: list('interactive patch edit force'), short: 'ipef' },
  commit: { long: list('gpg-sign reedit-message edit interactive patch'), short: 'Scep', valued: 'mFCt' },
  reset: { long: list('hard merge keep patch'), short: 'p' },
  grep: { short: 'O' },
  'cat-file': { long: list('batch-command') },
};
for (const name of list('status log diff show shortlog describe rev-parse rev-list ls-files ls-tree blame annotate show-ref for-each-ref name-rev merge-base diff-tree diff-index diff-files count-objects check-ignore check-attr whatchanged version --version')) {
  Object.assign(subcommands, { [name]: {} });
}
/** Of a subcommand that is not known: letters that move, force, open or configure something somewhere. */
const unknown: Subcommand = { long: list('delete move force edit patch interactive gpg-sign'), short: 'cCOoxuDdMmfeiS' };

/** The word of a call of git that a rule with these words does not cover, or null. */
export function gitEscape(spelled: readonly string[], open: readonly Word[]): string | null {
  const [first = ''] = spelled;
  if (spelled.length > 0) return optionsEscape(subcommandOf(first), open);
  let at = 0;
  while (/^(--no-pager|-P|--no-optional-locks|--literal-pathspecs)$/.test(open[at]?.text ?? '')) at += 1;
  const verb = open[at];
  const rest = open.slice(at + 1);
  if (!verb) return at === 0 ? null : '--no-pager';
  if (verb.glob || !coversSubcommand(verb.text, rest)) return verb.text;
  return optionsEscape(subcommandOf(verb.text), rest);
}

const subcommandOf = (name: string): Subcommand => (Object.hasOwn(subcommands, name) ? (subcommands[name] ?? unknown) : unknown);

/** Whether a rule that says no more than `git` covers a subcommand. */
function coversSubcommand(name: string, rest: readonly Word[]): boolean {
  const [first] = rest;
  switch (name) {
    case 'config':
      return /^--(get|get-all|get-regexp|list)$/.test(first?.text ?? '');
    case 'tag':
      return rest.length === 0 || /^(-l|--list)$/.test(first?.text ?? '');
    case 'branch':
      return rest.every((word) => /^(-a|-r|-v|-vv|--list|--all|--show-current|--contains)$/.test(word.text));
    case 'remote':
      return rest.length === 0 || (rest.length === 1 && first?.text === '-v');
    case 'stash':
      return rest.length === 1 && first?.text === 'list';
    default:
      return Object.hasOwn(subcommands, name);
  }
}

function optionsEscape(subcommand: Subcommand, open: readonly Word[]): string | null {
  for (const word of open) {
    const { text } = word;
    if (text === '--') return null;
    if (mayBecomeOption(word)) return text;
    if (text.startsWith('--')) {
      const given = (text.slice(2).split('=', 1)[0] ?? '').toLowerCase();
      if (harmless.has(given)) continue;
      if ([...everywhere, ...(subcommand.long ?? [])].some((option) => option.startsWith(given))) return text;
    } else if (text.startsWith('-') && hasLetter(text.slice(1), subcommand)) return text;
  }
  return null;
}

function hasLetter(cluster: string, { short = '', valued = '' }: Subcommand): boolean {
  for (const letter of cluster) {
    if (short.includes(letter)) return true;
    if (valued.includes(letter)) return false;
  }
  return false;
}
