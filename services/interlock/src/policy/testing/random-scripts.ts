import fc from 'fast-check';

const names = ['ls', 'cat', 'rm', 'git', 'tool', 'shutdown', 'echo', 'true', 'false', 'printf'];
const plain = fc.constantFrom('a', 'b.txt', '-l', '-rf', '--all', 'status', 'x=1', 'src/a', '1', 'key:value', '@x', 'a,b', '%d', '+1', '^', 'a]', 'HEAD~1', 'ä');
const odd = fc.constantFrom(
  "'single'", '"double"', "''", '""', "'a b'", '"a b"', "'$x'", '"\\$x"', '\\a', '\\ ', '\\;', '"a\\b"', "'it'\\''s'", '*', '?', '[ab]', '[!a]*', '~', '~/x', '$HOME', '${HOME}', '"$USER"', '$?', '$X', '${X:-y}', '"${X}"', '{}', '{a,b}', '{1..3}',
  "$'\\x41'", "$'a\\'b'", '$"loc"', '$((1+2))', '"a$"', 'a#b', '!', '\\\n', 'x\\\ny', '$', '"$', "'", '"', '`', '${', '$[1+1]', '"`', '<(tool p)', '2<(tool q)', '{fd}<(tool r)', '>(tool s)', '$\\\n(tool t)', '"$\\\n(tool u)"', '${X:=$(tool v)}', '@(a|b)', '=(a)', 'a=(b c)', '\u00a0', '\\\u00e4',
);
const redirection = fc.constantFrom('>out', '2>&1', '>/dev/null', '2> /dev/null', '&>/dev/null', '</dev/null', '>>out', '<<<text', '3>out', '>&-', '{v}>out', '>&-tool', '<& -x', '2>&-', '1>&2', '>&2', '<>f', '>|o', '<<E\nbody $(tool h)\nE\n', "<<'E'\nbody $(tool i)\nE\n", '<<-E\n\tx\n\tE\n');
const assignment = fc.constantFrom('X=1', 'LANG=C', 'X=$(tool w)', 'X="a b"', 'X+=1', 'TERM=dumb', 'A[0]=1', 'X=~', 'X=(a b)', "X='rm -rf y'");

const { script } = fc.letrec<{ script: string; list: string; command: string; simple: string; word: string }>((tie) => ({
  word: fc.oneof(
    { weight: 8, arbitrary: plain },
    { weight: 6, arbitrary: odd },
    { weight: 2, arbitrary: fc.tuple(fc.oneof(plain, odd), fc.oneof(plain, odd)).map(([one, other]) => one + other) },
    { weight: 2, arbitrary: tie('list').chain((list) => fc.constantFrom(`$(${list})`, `"$(${list})"`, `\`${list.replace(/[`\\$]/g, '\\$&')}\``, `<(${list})`, `"\${X:-$(${list})}"`, `$(( 1 + $(${list}) ))`)) },
  ),
  simple: fc
    .tuple(fc.array(assignment, { maxLength: 1 }), fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: fc.constantFrom('l""s', '\\ls', "'rm'", 'env', 'command', 'nice', 'timeout 3', 'sh -c', 'eval', 'xargs', 'exec', 'builtin', 'time', '!', 'coproc', '$X') }), fc.array(tie('word'), { maxLength: 4 }), fc.array(redirection, { maxLength: 1 }))
    .map(([before, name, words, after]) => [...before, name, ...words, ...after].join(' ')),
  command: fc.oneof(
    { weight: 8, arbitrary: tie('simple') },
    {
      weight: 2,
      arbitrary: tie('list').chain((list) =>
        fc.constantFrom(`(${list})`, `{ ${list}; }`, `if ${list}; then ls; fi`, `for i in 1 2; do ${list}; done`, `case a in a) ${list};; esac`, `f() { ${list}; }; f`, `while ${list}; do break; done`, `[[ -n $(${list}) ]]`, `function g { ${list}; }`, `((1)) && ${list}`, `until true; do ${list}; done`, `[[ a == b ]] || ${list}`, `sh -c '${list.replaceAll("'", `'\\''`)}'`, `eval "${list.replace(/["\\$`]/g, '\\$&')}"`, `if true; then ls; else ${list}; fi`),
      ),
    },
  ),
  list: fc.tuple(tie('command'), fc.array(fc.tuple(fc.constantFrom(';', '&&', '||', '|', '|&', '\n', ' ; ', ' && ', '\n\n', ' \\\n| ', ' # note\n'), tie('command')), { maxLength: 2 })).map(([first, rest]) => first + rest.map(([operator, command]) => operator + command).join('')),
  script: tie('list'),
}));

const noise = fc.constantFrom('$', '`', '"', "'", '\\', '(', ')', '<', '>', '{', '}', ';', '&', '|', '#', '!', '\n', ' ', '\t', '*', '[', '~', '=', '$(', '<(', '\\\n', '<<', '${', "$'", ';;', '2', '\u200b', '\r');

const ordinaryWord = fc.oneof(plain, fc.constantFrom("'a b'", '"a  b"', "''", '\\a', '\\;', '"\\$x"', "'it'\\''s'", '*', '?', '[ab]c', '~', '~/x', '$HOME', '"${PWD}"', '"$USER"x', '$?', '{}', '"a$"', 'a#b', 'HEAD~1', '"a\\b"', "$'a'", '"`"', '#', '!', 'a\\', '\u00a0', '{a,b}', '[', ']', '\\\n'));
const ordinaryCommand = fc.tuple(fc.constantFrom('', '', 'LANG=C ', 'TERM=dumb LC_ALL=C '), fc.constantFrom('ls', 'cat', 'echo', 'git status', 'tool', 'true', 'nice -n 5 ls', 'timeout 5 tool'), fc.array(ordinaryWord, { maxLength: 4 }), fc.constantFrom('', '', '', ' 2>&1', ' >/dev/null', ' </dev/null 2> /dev/null', ' &>/dev/null', '>&2')).map(([before, name, words, after]) => `${before}${[name, ...words].join(' ')}${after}`);

/** Scripts such as people write: lists and pipelines, of which the rules allow many. */
export const ordinaryScript = fc
  .tuple(ordinaryCommand, fc.array(fc.tuple(fc.constantFrom(';', '&&', '||', '|', '|&', '\n', ' ; ', '\n\n', ' |\n', ' &&\n\n', ' \\\n| ', '; \\\n'), ordinaryCommand), { maxLength: 2 }), fc.constantFrom('', '', ';', '\n', ' '))
  .map(([first, rest, end]) => first + rest.map(([operator, command]) => operator + command).join('') + end);

/** Scripts of every construct that bash knows, about a third of them damaged at one place. */
export const randomScript = fc
  .tuple(script, fc.option(fc.tuple(fc.nat(), noise), { freq: 3 }))
  .map(([text, damage]) => {
    const at = damage ? damage[0] % (text.length + 1) : 0;
    return damage ? text.slice(0, at) + damage[1] + text.slice(at) : text;
  })
  .filter((text) => text.length < 400 && !/(^|[^&|<>])&([^&>]|$)/.test(text));
