import type { Word } from './word.ts';

/** How a program that starts another one finds it among its arguments. */
export interface Wrapper {
  /** Letters of short options that stand alone. */
  readonly flags?: string;
  /** Letters of short options that take a value, attached or as the next word. */
  readonly values?: string;
  /** Long options that take the next word as their value, unless it is attached with "=". */
  readonly longValues?: readonly string[];
  /** Long options that stand alone or have their value attached. */
  readonly longFlags?: readonly string[];
  /** Words that stand before the program: a duration, a host, a folder. */
  readonly skip?: number;
  /** `NAME=value` may stand before the program. */
  readonly assignments?: boolean;
  /** What follows is joined and read by a shell. */
  readonly joins?: boolean;
}

const list = (text: string): string[] => text.split(' ');

const table: Readonly<Record<string, Wrapper>> = {
  env: { flags: 'i0v', values: 'uC', longValues: list('unset chdir'), longFlags: list('ignore-environment null debug block-signal default-signal ignore-signal list-signal-handling argv0'), assignments: true },
  sudo: { flags: 'AbEeHKklnPSsVvi', values: 'CDghpRrtTuU', longValues: list('user group host prompt chroot role type close-from command-timeout chdir other-user'), longFlags: list('preserve-env non-interactive stdin shell login set-home background askpass reset-timestamp validate'), assignments: true },
  doas: { flags: 'Lns', values: 'Cu' },
  timeout: { flags: 'vfp', values: 'ks', longValues: list('kill-after signal'), longFlags: list('foreground preserve-status verbose'), skip: 1 },
  nice: { flags: '0123456789', values: 'n', longValues: list('adjustment') },
  ionice: { flags: 't', values: 'cn', longValues: list('class classdata'), longFlags: list('ignore') },
  nohup: {},
  setsid: { flags: 'cfw', longFlags: list('ctty fork wait') },
  stdbuf: { values: 'ioe', longValues: list('input output error') },
  command: { flags: 'p' },
  builtin: {},
  exec: { flags: 'cl', values: 'a' },
  time: { flags: 'apvV', values: 'fo', longValues: list('format output'), longFlags: list('append portability verbose') },
  xargs: { flags: '0opprtx', values: 'aEdILnPs', longValues: list('arg-file delimiter max-args max-procs max-chars process-slot-var'), longFlags: list('null interactive no-run-if-empty verbose exit open-tty replace max-lines eof show-limits') },
  chroot: { longFlags: list('userspec groups skip-chdir'), skip: 1 },
  strace: { flags: 'AcCdDfFhiknNqrtTtvVwxyzZ', values: 'abeEIoOpPsSuUX' },
  ltrace: { flags: 'bcCfhiLrStTV', values: 'aADeFlnopsuwx' },
  busybox: {},
  toybox: {},
  watch: { flags: 'bcdegprtwx', values: 'nq', longValues: list('interval equexit'), longFlags: list('differences beep color errexit chgexit no-title no-wrap precise exec'), joins: true },
  ssh: { flags: '46AaCfGgKkMNnqsTtVvXxYy', values: 'BbcDEeFIiJLlmOopPQRSWw', skip: 1, joins: true },
  taskset: { flags: 'ac', longFlags: list('all-tasks cpu-list'), skip: 1 },
  unbuffer: { flags: 'p' },
  fakeroot: {},
  npx: { flags: 'yq', values: 'p', longValues: list('package'), longFlags: list('yes no quiet') },
  pkexec: { longValues: list('user'), longFlags: list('disable-internal-agent keep-cwd') },
  catchsegv: {},
  setarch: { flags: '3BFILRSXZv', skip: 1 },
  linux32: { flags: '3BFILRSXZv' },
  linux64: { flags: '3BFILRSXZv' },
  coproc: {},
};

export const wrapperOf = (name: string): Wrapper | undefined => (Object.hasOwn(table, name) ? table[name] : undefined);

/** Where the program stands that a wrapper starts; `sure` is false if an option is not known, so that it may stand elsewhere. */
export function innerCommand(wrapper: Wrapper, words: readonly Word[]): { readonly at: number; readonly sure: boolean } {
  let sure = true;
  let at = 1;
  for (; at < words.length; at++) {
    const word = words[at];
    const text = word?.text ?? '';
    if (word?.dynamic || word?.glob) sure = false;
    if (text === '--') {
      at += 1;
      break;
    }
    if (text === '-' && wrapper.assignments) continue;
    if (text.length < 2 || !/^[-+]/.test(text)) break;
    if (text.startsWith('--')) {
      const [name = '', value] = text.slice(2).split('=', 2);
      if (value !== undefined) continue;
      if (wrapper.longValues?.some((option) => option.startsWith(name))) at += 1;
      else if (!wrapper.longFlags?.some((option) => option.startsWith(name))) sure = false;
      continue;
    }
    for (let letter = 1; letter < text.length; letter++) {
      const character = text.charAt(letter);
      if (wrapper.values?.includes(character)) {
        if (letter === text.length - 1) at += 1;
        break;
      }
      if (!wrapper.flags?.includes(character)) sure = false;
    }
  }
  if (wrapper.assignments) while (at < words.length && /^[A-Za-z_]\w*=/.test(words[at]?.text ?? '')) at += 1;
  return { at: at + (wrapper.skip ?? 0), sure };
}
