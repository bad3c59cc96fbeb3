import { globMatches } from './pattern.ts';
import type { Candidate } from './match.ts';

const workspace = '/workspace';
/** A home folder is what the runner sets; the workspace counts as one as well, so that neither reading gets by. */
const homes = ['/home/agent', workspace];
const maxFolders = 16;

/** The absolute path without `.`, `..` and doubled slashes; `/proc/<pid>/root` and `cwd` are what they lead to. */
function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  if (parts[0] === 'proc' && parts.length > 2) {
    const at = parts[2] === 'task' ? 4 : 2;
    if (parts[at] === 'root') return `/${parts.slice(at + 1).join('/')}`;
    if (parts[at] === 'cwd') return [workspace, ...parts.slice(at + 1)].join('/');
  }
  return `/${parts.join('/')}`;
}

/** Every absolute path that a word may name, from each folder that the line may be in. */
export function resolvePaths(word: string, folders: readonly string[]): string[] {
  if (word.startsWith('/')) return [normalize(word)];
  if (word.startsWith('~')) {
    // `~user` and `~+` are somebody's folder too.
    const slash = word.indexOf('/');
    const rest = slash < 0 ? '' : word.slice(slash);
    const owner = slash < 0 ? word.slice(1) : word.slice(1, slash);
    const places = owner === '' ? homes : [...homes, owner === 'root' ? '/root' : `/home/${owner}`];
    return places.map((home) => normalize(home + rest));
  }
  return folders.map((folder) => normalize(`${folder}/${word}`));
}

/** A word, and what may be a path inside it: after `=`, `@`, `:`, `,` or an attached option letter. */
export function pathsIn(word: string): string[] {
  const found = [word];
  for (const separator of ['=', '@', ':', ',']) {
    let at = word.indexOf(separator);
    for (let count = 0; at >= 0 && count < 8; count++) {
      found.push(word.slice(at + 1), word.slice(0, at));
      at = word.indexOf(separator, at + 1);
    }
  }
  if (/^-[A-Za-z]./.test(word)) found.push(word.slice(2));
  return found;
}

/** The folders that relative paths may start from: the workspace, and wherever `cd` or an option leads. */
export function foldersOf(commands: readonly (readonly Candidate[])[]): string[] {
  const folders = [workspace];
  for (const words of commands) {
    const changes = /^(cd|pushd)$/.test(words[0]?.text ?? '');
    for (const [at, word] of words.entries()) {
      const leads = (changes && at > 0 && !word.text.startsWith('-')) || /^(-C|--directory|--chdir|-D)$/.test(words[at - 1]?.text ?? '');
      const attached = /^(?:-C|--directory=|--chdir=)(.+)$/.exec(word.text)?.[1];
      const folder = leads && at > 0 ? word.text : attached;
      if (folder === undefined || folders.length >= maxFolders) continue;
      for (const path of resolvePaths(folder, folders)) if (!folders.includes(path) && folders.length < maxFolders) folders.push(path);
    }
  }
  return folders;
}

/** Whether a path with wildcards may be the folder, or something below it. */
export function globReaches(path: string, denied: string): boolean {
  const wanted = denied.split('/');
  const given = path.split('/');
  if (given.length < wanted.length) return false;
  return wanted.every((part, index) => {
    const glob = given[index] ?? '';
    // A wildcard does not reach names that begin with a dot unless it spells the dot.
    return part === glob || ((!part.startsWith('.') || /^[.[\\]/.test(glob)) && globMatches(glob, part));
  });
}

/** The paths that a rule names; of a home folder, each of its readings. */
export const deniedPaths = (pattern: string): string[] => resolvePaths(pattern.replace(/\/\*+$/, ''), [workspace]);

/** What is denied at a path itself or at a folder around it. */
export function deniedPath<Entry>(path: string, denied: ReadonlyMap<string, Entry>): Entry | undefined {
  if (denied.size === 0) return undefined;
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const entry = denied.get(path.slice(0, end));
    if (entry !== undefined) return entry;
  }
  return denied.get('/');
}
