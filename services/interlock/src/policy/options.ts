import { gitEscape } from './git-options.ts';
import { baseName } from './programs.ts';
import { awkEscape, sedEscape } from './small-languages.ts';
import { mayBecomeOption, type Word } from './word.ts';

/** What of a program's options a broad rule does not cover, since they start programs, load code or write elsewhere. */
interface Escapes {
  /** Long options without dashes; a word that abbreviates one counts as well. */
  readonly long?: readonly string[];
  /** Letters of short options, wherever they stand in a cluster. */
  readonly short?: string;
  /** A word that is not covered, whatever it is. */
  readonly word?: RegExp;
  /** If set, only words that match are covered. */
  readonly only?: RegExp;
  /** If the rule names the program alone: the subcommands that it covers. */
  readonly subcommands?: RegExp;
}

const list = (text: string): string[] => text.split(' ');

const containers: Escapes = { subcommands: /^(ps|images|version|info|logs|inspect|top|stats|port|diff|history)$/ };
const nodePackages: Escapes = {
  long: list('script-shell prefix userconfig globalconfig node-options shell call package git editor viewer init-module cwd dir use-yarnrc location node-gyp registry'),
  short: 'cC',
  subcommands: /^(test|t|run|run-script|ls|list|outdated|view|why|--version|-v)$/,
};
const compilers: Escapes = { word: /^(@|-B|-specs|-wrapper|-fplugin|-Wl|-Wp|-Wa|-X|--specs|-o|-iplugindir)/ };

const table: Readonly<Record<string, Escapes>> = {
  find: { word: /^-(exec|ok|delete|fprint|fls|files0)/ },
  sort: { long: list('output compress-program temporary-directory files0-from random-source'), short: 'oT' },
  shuf: { long: list('output random-source'), short: 'o' },
  split: { long: ['filter'] },
  rg: { long: list('pre pre-glob hostname-bin search-zip'), short: 'z' },
  tar: {
    long: list(
      'to-command checkpoint-action use-compress-program rsh-command info-script new-volume-script rmt-command absolute-names directory one-top-level files-from index-file unlink-first recursive-unlink remove-files volno-file listed-incremental',
    ),
    short: 'IFPCTUg',
    // "host:file" reaches another machine through a remote shell.
    word: /^[^/=]+:/,
  },
  jq: { long: list('from-file rawfile slurpfile library-path'), short: 'fL', word: /\$ENV|\b(env|import|include|input_filename|get_search_list)\b/ },
  diff: { long: list('to-file from-file paginate'), short: 'l' },
  file: { long: list('files-from magic-file compile uncompress uncompress-noreport no-sandbox'), short: 'fmCzZS' },
  // A bare number sets the clock.
  date: { long: list('set file'), short: 'sf', word: /^\d+(\.\d+)?$/ },
  tree: { long: ['fromfile'], short: 'oR' },
  make: { only: /^(-j\d*|-k|-s|-n|-B|-i|--jobs=\d+|--keep-going|--silent|--quiet|--dry-run|--always-make|\d+|[A-Za-z][A-Za-z\d_.-]*)$/ },
  npm: nodePackages,
  pnpm: nodePackages,
  yarn: nodePackages,
  tsc: { only: /^--?(noemit|version|v|help|pretty|listfiles|showconfig|diagnostics|strict|skiplibcheck)$/i },
  eslint: { only: /^(--quiet|--ext|--ext=[.\w,]+|--max-warnings|--max-warnings=\d+|--color|--no-color|[^-].*)$/ },
  prettier: { only: /^(--check|-c|--list-different|-l|[^-].*)$/ },
  pytest: { only: /^(-q|-qq|-v|-vv|-x|-s|-l|-k|-m|--lf|--ff|--maxfail=\d+|--tb=\w+|--durations=\d+|[^-].*)$/ },
  go: { word: /^--?(exec|toolexec|o|overlay|modfile|C|c|vettool|ldflags|gcflags|asmflags|gccgoflags|pkgdir|\w*profile|trace|outputdir|args|test\..*|compiler|mod|work)(=|$)/ },
  cargo: { long: list('config manifest-path target-dir'), short: 'ZC', word: /^\+/, subcommands: /^(test|check|build|clippy|tree|metadata)$/ },
  curl: { long: list('output config upload-file remote-name dump-header cookie-jar trace trace-ascii stderr libcurl engine output-dir'), short: 'oOKTDc' },
  wget: { long: list('use-askpass output-document output-file append-output input-file execute config directory-prefix'), short: 'OoaieP' },
  rsync: { long: list('rsh rsync-path daemon config files-from write-batch'), short: 'e' },
  scp: { short: 'SoFD' },
  sftp: { short: 'SoFDb' },
  zip: { long: list('unzip-command output-file'), short: 'TO' },
  printf: { word: /^-v/ },
  test: { word: /^-[vR]$/ },
  install: { long: ['strip-program'] },
  gcc: compilers,
  cc: compilers,
  'c++': compilers,
  'g++': compilers,
  clang: compilers,
  docker: containers,
  podman: containers,
  kubectl: { subcommands: /^(get|describe|logs|version|top)$/, long: list('kubeconfig server token as exec') },
};

/** "uniq in out" writes its second file. */
const uniqEscape = (open: readonly Word[]): string | undefined => {
  const files = open.filter((word) => !word.text.startsWith('-') || word.text === '-');
  return files.find((word) => word.glob)?.text ?? files[1]?.text;
};

const special: Readonly<Record<string, (open: readonly Word[]) => string | undefined>> = {
  sed: sedEscape,
  gsed: sedEscape,
  awk: awkEscape,
  gawk: awkEscape,
  mawk: awkEscape,
  nawk: awkEscape,
  uniq: uniqEscape,
};

/**
 * Says which of the words that a rule leaves open (`open`) it does not cover, or null. `spelled` are the words that the rule
 * spells out, the program's name first.
 */
export function escapeOption(spelled: readonly string[], open: readonly Word[]): string | null {
  const name = baseName(spelled[0] ?? '');
  if (/^(npx|pnpx|bunx|uvx)$/.test(name) && spelled.length > 1) return escapeOption(spelled.slice(1), open);
  if (name === 'git') {
    const escape = gitEscape(spelled.slice(1), open);
    return escape === null ? null : optionSentence(escape, name);
  }
  const own = Object.hasOwn(special, name) ? special[name] : undefined;
  if (own) {
    const escape = own(open);
    return escape === undefined ? null : optionSentence(escape, name);
  }
  const escapes = Object.hasOwn(table, name) ? table[name] : undefined;
  if (!escapes || open.length === 0) return null;
  if (escapes.subcommands && spelled.length === 1 && !escapes.subcommands.test(open[0]?.text ?? '')) {
    return `The rule for "${name}" does not cover this use of it, which may change more or start another program.`;
  }
  if (name === 'tar' && spelled.length === 1 && clusterHas(open[0]?.text ?? '', escapes.short ?? '')) return optionSentence(open[0]?.text ?? '', name);
  let ended = false;
  for (const word of open) {
    const { text } = word;
    if (!ended && mayBecomeOption(word)) return `A wildcard at the beginning of "${text.slice(0, 60)}" may become an option of "${name}".`;
    if (escapes.only && !escapes.only.test(text)) return optionSentence(text, name);
    if (escapes.word?.test(text)) return optionSentence(text, name);
    if (text === '--') ended = true;
    if (ended) continue;
    if (text.startsWith('--')) {
      const given = (text.slice(2).split('=', 1)[0] ?? '').toLowerCase();
      if (escapes.long?.some((option) => option.startsWith(given))) return optionSentence(text, name);
    } else if (text.startsWith('-') && clusterHas(text.slice(1), escapes.short ?? '')) return optionSentence(text, name);
  }
  return null;
}

const clusterHas = (cluster: string, letters: string): boolean => Array.from(cluster).some((letter) => letters.includes(letter));

const optionSentence = (word: string, name: string): string =>
  `A rule for "${name}" does not cover "${word.slice(0, 60)}", which may start a program, load code or write elsewhere.`;
