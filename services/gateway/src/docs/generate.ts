import { readFile, writeFile } from 'node:fs/promises';
import { describeProtocol, docsDirectory, type GeneratedFile } from './generated-files.ts';

// Writes docs/openapi.json, docs/asyncapi.json and the tables of docs/protocol.md: `node services/gateway/src/docs/generate.ts`.
for (const { name, content } of await describeProtocol(async (file) => await readFile(new URL(file, docsDirectory), 'utf8')) satisfies GeneratedFile[]) {
  await writeFile(new URL(name, docsDirectory), content);
}
