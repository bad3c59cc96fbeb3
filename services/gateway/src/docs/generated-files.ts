import packageJson from '../../package.json' with { type: 'json' };
import { createHttpApp } from '../http/app.ts';
import type { HttpServices } from '../http/services.ts';
import { defaultLimits } from '../options.ts';
import { asyncApiDocument } from './asyncapi.ts';
import { withGeneratedParts } from './tables.ts';

export const docsDirectory = new URL('../../../../docs/', import.meta.url);

export interface GeneratedFile {
  readonly name: string;
  readonly content: string;
}

/** The documents that derive from the schemas, as they should stand in `docs/`. `read` gives the ones that are only partly generated. */
export async function describeProtocol(read: (name: string) => Promise<string>): Promise<GeneratedFile[]> {
  const { version } = packageJson;
  return [
    { name: 'openapi.json', content: `${JSON.stringify(await openApiDocument(version), null, 2)}\n` },
    { name: 'asyncapi.json', content: `${JSON.stringify(asyncApiDocument(version), null, 2)}\n` },
    { name: 'protocol.md', content: await withGeneratedParts(await read('protocol.md')) },
  ];
}

/** The routes are only described, never called, so nothing stands behind them. */
async function openApiDocument(version: string): Promise<object> {
  const nothing = new Proxy({}, { get: () => () => undefined });
  const services = { ...Object.fromEntries(['bus', 'hub', 'messages', 'events', 'tickets', 'sessions', 'authentication', 'guard', 'metrics', 'health'].map((name) => [name, nothing])), options: { version, publicOrigins: [] }, limits: defaultLimits };
  const app = await createHttpApp(services as unknown as HttpServices);
  await app.ready();
  const document = app.swagger();
  await app.close();
  return document;
}
