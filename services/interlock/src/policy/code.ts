import { opaque, script, valuesOf, type Code } from './code-values.ts';
import { gitCode } from './git-code.ts';
import { isInterpreter, isShell, unversioned } from './programs.ts';
import { mayRunPrograms } from './small-languages.ts';
import type { Word } from './word.ts';

type Documents = readonly (string | null)[];

/** The code that a command's arguments and input hold, as far as the program is known to run such. */
export function codeIn(name: string, words: readonly Word[], documents: Documents): Code[] {
  if (isShell(name)) return shellCode(name, words, documents);
  switch (name) {
    case 'eval': {
      const rest = words.slice(1).filter((word) => word.text !== '--');
      const [first] = rest;
      if (!first) return [];
      if (rest.some((word) => word.dynamic || word.glob)) return [opaque('"eval" runs text that is only known when it runs.')];
      return [{ kind: 'script', text: rest.map((word) => word.text).join(' '), word: first }];
    }
    case '.':
    case 'source':
      return [opaque(`"${name}" runs a file in this shell.`)];
    case 'trap': {
      const action = words.slice(1).find((word) => !/^-[lp-]/.test(word.text));
      return action && words.length > 2 ? [script(action)] : [];
    }
    case 'alias':
      return words.slice(1).flatMap((word) => (word.text.includes('=') ? [script(word, word.text.slice(word.text.indexOf('=') + 1))] : []));
    case 'hash':
      // From here on the name stands for that program.
      return words.some((word) => word.text.startsWith('-') && word.text.includes('p')) ? [opaque('It lets a name stand for another program.')] : [];
    case 'at':
    case 'batch':
      return words.some((word) => /^-[a-zA-Z]*[lrdcf]/.test(word.text)) ? [] : inputCode(name, documents);
    case 'crontab':
      return words.slice(1).some((word) => /^-[lri]/.test(word.text)) || (words.length > 1 && words.at(-1)?.text !== '-') ? [] : [opaque('"crontab" runs what it reads from its input.')];
    case 'make':
    case 'gmake':
      if (words.some((word, at) => /^(-f|--file|--makefile)$/.test(words[at - 1]?.text ?? '') && isInput(word)) || words.some((word) => /^(-f|--(make)?file=)(-|\/dev\/stdin)$/.test(word.text))) return [opaque('"make" runs code that it reads from its input.')];
      break;
    case 'sudo':
      return words.some((word) => /^(-[a-zA-Z]*[is][a-zA-Z]*|--shell|--login)$/.test(word.text)) ? words.slice(1).flatMap((word) => (/\s/.test(word.text) ? [script(word)] : [])) : [];
    case 'sed':
    case 'gsed':
      return words.slice(1).some((word) => mayRunPrograms(word.text)) ? [opaque('"sed" may run a part of its script.')] : [];
    case 'mapfile':
    case 'readarray':
      return valuesOf(words, /^(-C)()/).map(({ word, text }) => script(word, text));
    case 'env':
      return valuesOf(words, /^(-[i0v]*S|--split-string)(=?)/).map((word) => script(word.word, word.text));
    case 'su':
    case 'runuser':
    case 'script':
    case 'flock':
    case 'sg':
    case 'newgrp':
      return [...valuesOf(words, /^(-[a-z]*c|--command|--session-command)(=?)/).map(({ word, text }) => script(word, text)), ...positional(name, words)];
    case 'find':
    case 'gfind':
      return findCode(words);
    case 'npm':
    case 'pnpm':
    case 'yarn':
    case 'bun':
    case 'uv':
    case 'pipx':
      return packageCode(words);
    case 'npx':
    case 'pnpx':
    case 'bunx':
      return valuesOf(words, /^(-c|--call)(=?)/).map(({ word, text }) => script(word, text));
    case 'git':
      return gitCode(words);
    default:
  }
  const verbs = starting[name];
  if (verbs) return words.flatMap((word, at): Code[] => (at > 0 && verbs.test(word.text) ? [{ kind: 'loose', at }] : [])).slice(0, 1);
  const starter = starters[name];
  if (starter) return valuesOf(words, starter).map(({ word, text }) => script(word, text.replace(/^(exec=|[A-Za-z]+Command=)/, '')));
  return interpreterCode(name, words);
}

/** Options whose value is a program, by the program that has them. */
const starters: Readonly<Record<string, RegExp>> = {
  tar: /^(--to-command|--checkpoint-action|--use-compress-program|--rsh-command|--rmt-command|--info-script|--new-volume-script|-I|-F)(=?)/,
  rsync: /^(--rsh|--rsync-path|-[a-zA-Z]*e)(=?)/,
  rg: /^(--pre|--hostname-bin)(=?)/,
  sort: /^(--compress-program)(=?)/,
  split: /^(--filter)(=?)/,
  scp: /^(-o|-S)()/,
  sftp: /^(-o|-S)()/,
  zip: /^(-TT|--unzip-command)(=?)/,
  man: /^(-P|--pager|-H|--html)(=?)/,
  make: /^(--eval|SHELL)(=?)/,
  install: /^(--strip-program)(=?)/,
  entr: /^(-s)()/,
};

const containers = /^(run|exec|debug|attach|create|compose)$/;
/** Subcommands that start a program which stands somewhere behind them. */
const starting: Readonly<Record<string, RegExp>> = {
  docker: containers,
  podman: containers,
  nerdctl: containers,
  'docker-compose': containers,
  kubectl: containers,
  oc: /^(run|exec|debug|attach|rsh)$/,
  ip: /^exec$/,
  cargo: /^(run|r|test|bench)$/,
  conda: /^run$/,
  mamba: /^run$/,
  poetry: /^run$/,
  pipenv: /^run$/,
  flatpak: /^run$/,
  machinectl: /^shell$/,
  vagrant: /^ssh$/,
  adb: /^shell$/,
  direnv: /^exec$/,
};

/** `find -exec`: up to `;` or `+`, or to the next one. */
function findCode(words: readonly Word[]): Code[] {
  const places = words.flatMap((word, at) => (/^-(exec|execdir|ok|okdir)$/.test(word.text) ? [at] : []));
  const ends = words.flatMap((word, at) => (word.text === ';' || word.text === '+' ? [at] : []));
  return places.map((at, index): Code => ({ kind: 'words', at: at + 1, end: Math.max(ends.find((end) => end > at + 1 && end < (places[index + 1] ?? words.length)) ?? places[index + 1] ?? words.length, at + 1) }));
}

/** `flock /tmp/l rm`: the words after the lock; `runuser -u x rm`. */
function positional(name: string, words: readonly Word[]): Code[] {
  const first = words.findIndex((word, at) => at > 0 && !word.text.startsWith('-'));
  if (first < 0) return [];
  if (name === 'flock' && words[first + 1] && words[first + 1]?.text !== '-c') return [{ kind: 'words', at: first + 1 }];
  return [];
}

function packageCode(words: readonly Word[]): Code[] {
  const verb = words.findIndex((word, at) => at > 0 && /^(exec|x|dlx|run)$/.test(word.text));
  const runs = /^(uv|pipx)$/.test(words[0]?.text ?? '');
  const called = valuesOf(words, /^(-c|--call)(=?)/).map(({ word, text }) => script(word, text));
  if (verb < 0 || (words[verb]?.text === 'run' && !runs)) return called;
  const from = words.findIndex((word, at) => at > verb && !word.text.startsWith('-'));
  return from < 0 ? called : [...called, { kind: 'words', at: from }];
}

const isInput = (word: Word | undefined): boolean => /^(-|\/dev\/stdin|\/dev\/fd\/0|\/proc\/self\/fd\/0)$/.test(word?.text ?? '');

const programVariable = /^(\w*(PAGER|EDITOR|VISUAL|BROWSER|COMMAND|ASKPASS|EXTERNAL_DIFF|LESSOPEN|LESSCLOSE|SHELL)|GIT_SSH|RSYNC_RSH|TAR_OPTIONS|BASH_ENV|ENV|CC|CXX|LD|AR)\+?=(.*)$/s;

/** Programs that other programs are told to start by a variable. */
export function codeInVariables(words: readonly Word[]): Code[] {
  return words.flatMap((word) => {
    const value = programVariable.exec(word.text)?.[3]?.replace(/^[|\s-]+/, '') ?? '';
    return /\s/.test(value) ? [script(word, value)] : [];
  });
}

function shellCode(name: string, words: readonly Word[], documents: Documents): Code[] {
  let at = 1;
  let fromInput = false;
  for (; at < words.length; at++) {
    const text = words[at]?.text ?? '';
    if (words[at]?.dynamic || words[at]?.glob) return [opaque(`"${name}" is given something that is only known when it runs.`)];
    if (text === '--' || text === '-') {
      at += 1;
      break;
    }
    if (text.startsWith('--')) {
      if (/^--(rcfile|init-file)$/.test(text)) at += 1;
      continue;
    }
    if (!/^[-+]./.test(text)) break;
    if (/^-[a-z]*c/i.test(text) || (/^-e/i.test(text) && /^(pwsh|powershell)/.test(name))) {
      const code = words.slice(at + 1).find((word, index, rest) => !/^[-+]./.test(word.text) && !/^[-+][a-z]*[oO]$/.test(rest[index - 1]?.text ?? ''));
      if (!code) return [];
      // What is no shell of Bourne's family is looked through as text.
      return [/^(pwsh|powershell|cmd|fish|csh|tcsh)/.test(name) ? opaque(`"${name}" is given code.`) : script(code)];
    }
    if (/^-[a-z]*s/.test(text)) fromInput = true;
    if (/^[-+][a-z]*[oO]$/.test(text)) at += 1;
  }
  if (words.slice(1).some((word) => /^--(version|help)$/.test(word.text))) return [];
  if (at < words.length && !fromInput && !isInput(words[at])) return [];
  return inputCode(name, documents);
}

function inputCode(name: string, documents: Documents): Code[] {
  if (documents.length === 0 || documents.includes(null)) return [opaque(`"${name}" runs code that it reads from its input.`)];
  return documents.map((text) => ({ kind: 'script', text: text ?? '', word: null }));
}

function interpreterCode(name: string, words: readonly Word[]): Code[] {
  if (!isInterpreter(name)) return [];
  const rest = words.slice(1);
  const inline = opaque(`"${name}" is given code.`);
  if (/^[gmn]?awk$/.test(name)) return rest.some((word) => /system|getline|[|`@]/.test(word.text)) ? [inline] : [];
  const file = rest.findIndex((word) => !word.text.startsWith('-'));
  const options = file < 0 ? rest : rest.slice(0, file);
  if (/^(deno|bun)$/.test(name) && rest[0]?.text === 'eval') return [inline];
  const module = rest.findIndex((word) => word.text === '-m');
  if (unversioned(name).startsWith('python') && module >= 0 && rest[module + 1]) return [{ kind: 'words', at: module + 2 }];
  if (options.some((word) => word.dynamic || /^(-[A-Za-z0-9]*[ceEpr]|--eval|--print|--exec|--execute|--command|-$)/.test(word.text))) return [inline];
  if (rest.some((word) => /^(-c|-e|--eval|--command|--exec|\+.*|-cmd)$/.test(word.text)) && /^(vi|vim|nvim|ex|ed|emacs|psql|sqlite|mysql|gdb|lldb|redis-cli|mongosh)/.test(name)) return [inline];
  if (name.startsWith('sqlite') && rest.filter((word) => !word.text.startsWith('-')).length > 1) return [inline];
  if (file >= 0 && !rest[file]?.dynamic && !isInput(rest[file])) return [];
  if (rest.some((word) => /^(--version|--help|-V|-h|-v)$/.test(word.text))) return [];
  return [opaque(`"${name}" runs code that it reads from its input.`)];
}
