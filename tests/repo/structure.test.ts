import assert from 'node:assert/strict';
import { test } from 'node:test';
import { projectFiles, read, sources } from './tree.ts';

const filesWith = (pattern: RegExp, files: readonly string[]) => files.filter((path) => pattern.test(read(path) ?? ''));

test('one file talks to the Docker engine', () => {
  assert.deepEqual(filesWith(/from 'dockerode'/, sources()), ['services/sandbox/src/driver/engine.ts']);
});

test('subjects of the bus are spelled in the contracts alone', () => {
  const elsewhere = filesWith(/['"`](mb\.|_INBOX|\$JS\.|\$SRV)/, sources()).filter((path) => !path.startsWith('libs/contracts/'));
  assert.deepEqual(elsewhere, []);
});

test('the environment is read where a process starts, and nowhere else', () => {
  const allowed = /\/src\/(main|.*-main|config|sign-in-link)\.ts$|^libs\/observability\/src\/tracing-preload\.ts$|^services\/ui\/vite\.config\.ts$/;
  assert.deepEqual(filesWith(/process\.env/, sources()).filter((path) => !allowed.test(path)), []);
});

test('a main.ts composes and waits: under 40 lines', () => {
  const long = sources().filter((path) => path.endsWith('/src/main.ts') && (read(path) ?? '').split('\n').length > 41);
  assert.deepEqual(long, []);
});

test('the production code of no service names a test double', () => {
  assert.deepEqual(filesWith(/@megabot\/testing\//, sources()), []);
});

test('every dependency is pinned exactly and explained', () => {
  const explained = read('docs/dependencies.md') ?? '';
  for (const path of projectFiles().filter((file) => file.endsWith('package.json'))) {
    const manifest = JSON.parse(read(path) ?? '{}') as Record<'dependencies' | 'devDependencies', Record<string, string> | undefined>;
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${path}: ${name} is not pinned`);
      if (!name.startsWith('@megabot/')) assert.ok(explained.includes(`\`${name}\``), `docs/dependencies.md does not say why ${name} is there (${path})`);
    }
  }
});

test('the lock file names no registry', () => {
  assert.doesNotMatch(read('package-lock.json') ?? '', /"resolved": "https?:/);
});

test('no unfinished marks, no home of a machine, no skipped test', () => {
  const files = projectFiles().filter((path) => /\.(ts|tsx|md|sh|yml|yaml|sql|css|html)$|Dockerfile|Makefile/.test(path) && path !== 'tests/repo/structure.test.ts');
  assert.deepEqual(filesWith(/\b(TODO|FIXME)\b|\/home\/(?!agent)\w+\/|\/work\//, files), []);
  assert.deepEqual(filesWith(/\b(test|it|describe)\.(skip|todo|only)\(|skip: true/, files), []);
});

test('every script and document that a document names exists', () => {
  const files = new Set(projectFiles());
  const documents = [...files].filter((path) => path.endsWith('.md'));
  const missing: string[] = [];
  for (const document of documents) {
    const folder = document.split('/').slice(0, -1).join('/');
    for (const [, target] of (read(document) ?? '').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)) {
      const path = new URL(target ?? '', `file:///${folder === '' ? '' : `${folder}/`}`).pathname.slice(1).replace(/\/$/, '');
      if (!files.has(path) && ![...files].some((file) => file.startsWith(`${path}/`))) missing.push(`${document}: ${target}`);
    }
  }
  assert.deepEqual(missing, []);
});
