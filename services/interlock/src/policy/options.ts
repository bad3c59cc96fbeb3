import { baseName } from './programs.ts';

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
  git: {
    long: list(
      'output output-directory ext-diff textconv upload-pack receive-pack exec exec-path git-dir work-tree config config-env template open-files-in-pager no-index delete force move edit-description interactive patch gpg-sign edit namespace super-prefix pathspec-from-file attr-source',
    ),
    short: 'cCOoxDdMmfeiS',
    subcommands:
      /^(status|log|diff|show|shortlog|describe|rev-parse|rev-list|ls-files|ls-tree|cat-file|blame|annotate|grep|show-ref|for-each-ref|name-rev|merge-base|diff-tree|diff-index|diff-files|count-objects|check-ignore|check-attr|branch|add|commit|reset|version|--version)$/,
  },
  find: { word: /^-(exec|ok|delete|fprint|fls|files0)/ },
  sort: { long: list('output compress-program temporary-directory files0-from random-source'), short: 'oT' },
  shuf: { long: list('output random-source'), short: 'o' },
  split: { long: ['filter'] },
  rg: { long: list('pre pre-glob hostname-bin search-zip'), short: 'z' },
  tar: {
    long: list(
      'to-command checkpoint-action use-compress-program rsh-command info-script new-volume-script rmt-command absolute-names directory one-top-level files-from index-file unlink-first recursive-unlink remove-files volno-file',
    ),
    short: 'IFPCTU',
  },
  jq: { long: list('from-file rawfile slurpfile library-path'), short: 'fL', word: /\$ENV|\b(env|import|include|input_filename|get_search_list)\b/ },
  diff: { long: list('to-file from-file paginate'), short: 'l' },
  file: { long: list('files-from magic-file compile uncompress uncompress-noreport no-sandbox'), short: 'fmCzZS' },
  date: { long: list('set file'), short: 'sf' },
  wc: { long: ['files0-from'] },
  du: { long: list('files0-from exclude-from'), short: 'X' },
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

const sedOption = /^(-n|-E|-r|-s|--quiet|--silent|--regexp-extended)$/;
/** Printing, deleting and substituting lines: none of "e", "r" or "w", which run programs and touch files. */
const sedScript = /^([\d$]*(,[\d$]+)?[pdq=]|s([/|,#])[^/|,#\n]*\3[^/|,#\n]*\3[gIip\d]*)$/;

function sedEscape(open: readonly string[]): string | undefined {
  const script = open.findIndex((word) => !word.startsWith('-'));
  return open.find((word, index) => (index === script ? !sedScript.test(word) : word.startsWith('-') && !sedOption.test(word)));
}

/** "uniq in out" writes its second file. */
const uniqEscape = (open: readonly string[]): string | undefined => open.filter((word) => !word.startsWith('-'))[1];

/**
 * Says which of the words that a rule leaves open (`open`) it does not cover, or null. `spelled` are the words that the rule
 * spells out, the program's name first.
 */
export function escapeOption(spelled: readonly string[], open: readonly string[]): string | null {
  const name = baseName(spelled[0] ?? '');
  const special = name === 'sed' ? sedEscape(open) : name === 'uniq' ? uniqEscape(open) : undefined;
  if (special !== undefined) return optionSentence(special, name);
  const escapes = table[name];
  if (!escapes || open.length === 0) return null;
  if (escapes.subcommands && spelled.length === 1 && !coversSubcommand(name, escapes.subcommands, open)) {
    return `The rule for "${name}" does not cover this use of it, which may change more or start another program.`;
  }
  if (name === 'tar' && spelled.length === 1 && clusterHas(open[0] ?? '', escapes.short ?? '')) return optionSentence(open[0] ?? '', name);
  for (const word of open) {
    if (escapes.only && !escapes.only.test(word)) return optionSentence(word, name);
    if (escapes.word?.test(word)) return optionSentence(word, name);
    if (word === '--') break;
    if (word.startsWith('--')) {
      const given = (word.slice(2).split('=', 1)[0] ?? '').toLowerCase();
      if (escapes.long?.some((option) => option.startsWith(given))) return optionSentence(word, name);
    } else if (word.startsWith('-') && clusterHas(word.slice(1), escapes.short ?? '', name === 'git' ? spelled.concat(open) : [])) return optionSentence(word, name);
  }
  return null;
}

function clusterHas(cluster: string, letters: string, gitWords: readonly string[] = []): boolean {
  // "-m <message>" of "git commit" is the one everyday use of a letter that elsewhere moves or opens something.
  const harmless = gitWords.includes('commit') && /^a?m/.test(cluster);
  return !harmless && Array.from(cluster).some((letter) => letters.includes(letter));
}

function coversSubcommand(name: string, subcommands: RegExp, open: readonly string[]): boolean {
  const [first = '', second = ''] = open;
  if (name === 'git') {
    if (first === 'config') return /^--(get|get-all|get-regexp|list)$/.test(second);
    if (first === 'tag') return open.length === 1 || /^(-l|--list)$/.test(second);
    if (first === 'branch') return open.slice(1).every((word) => /^(-a|-r|-v|-vv|--list|--all|--show-current|--contains)$/.test(word));
    if (first === '--no-pager' || first === '-P') return open.length > 1 && coversSubcommand(name, subcommands, open.slice(1));
  }
  return subcommands.test(first);
}

const optionSentence = (word: string, name: string): string =>
  `A rule for "${name}" does not cover "${word.slice(0, 60)}", which may start a program, load code or write elsewhere.`;
