import { MemoryFS, PGlite } from '@electric-sql/pglite';

/** The files of a database, by path below its directory. Null is a folder, which stands before what is in it. */
export type DataFiles = ReadonlyMap<string, Uint8Array | null>;

type Files = PGlite['Module']['FS'];

/** Files in memory that are those of `template` at first. `atEnd` is told which a clean close has left. */
export function filesInMemory({ template, atEnd }: { template?: DataFiles; atEnd?: (files: DataFiles) => void }): MemoryFS {
  let files: () => Files = () => {
    throw new Error('the files of the database are not open');
  };
  return Object.assign(new MemoryFS(), {
    async init(database: PGlite, emscriptenOpts: object) {
      files = () => database.Module.FS;
      return { emscriptenOpts };
    },
    async initialSyncFs() {
      if (template) write(files(), template);
    },
    async closeFs() {
      atEnd?.(read(files()));
      files().quit();
    },
  });
}

function write(files: Files, template: DataFiles): void {
  files.mkdirTree(PGlite.paths.PGDATA);
  for (const [name, content] of template) {
    const path = `${PGlite.paths.PGDATA}/${name}`;
    if (content) files.writeFile(path, content);
    else files.mkdir(path);
  }
}

// The databases template1 and template0: only CREATE DATABASE reads them, and they are half of all files.
const unread = ['base/1', 'base/4'];

function read(files: Files): DataFiles {
  const found = new Map<string, Uint8Array | null>();
  const walk = (folder: string): void => {
    for (const entry of files.readdir(`${PGlite.paths.PGDATA}/${folder}`)) {
      const name = folder === '' ? entry : `${folder}/${entry}`;
      if (entry === '.' || entry === '..' || unread.includes(name)) continue;
      const path = `${PGlite.paths.PGDATA}/${name}`;
      const isFolder = files.isDir(files.stat(path).mode);
      found.set(name, isFolder ? null : files.readFile(path, { encoding: 'binary' }));
      if (isFolder) walk(name);
    }
  };
  walk('');
  return found;
}
