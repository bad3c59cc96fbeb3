import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ClientFrame, ServerFrame } from '@megabot/contracts/frames.ts';
import { describeProtocol, docsDirectory } from './generated-files.ts';

const read = async (name: string): Promise<string> => await readFile(new URL(name, docsDirectory), 'utf8');
const files = await describeProtocol(read);

for (const { name, content } of files) {
  test(`docs/${name} is what the code says`, async () => {
    assert.equal(await read(name), content, 'run: node services/gateway/src/docs/generate.ts');
  });
}

test('docs/protocol.md describes every frame', async () => {
  const text = await read('protocol.md');
  for (const type of ['hello', 'auth', 'welcome', ...[...ClientFrame.options, ...ServerFrame.options].map((option) => option.shape.type.value)]) assert.match(text, new RegExp(`\`${type}\``), type);
});

test('docs/openapi.json has every route of the public interface', async () => {
  const { openapi, paths } = JSON.parse(await read('openapi.json')) as { openapi: string; paths: Record<string, Record<string, unknown>> };
  assert.match(openapi, /^3\.1\./);
  const routes = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
  const expected = [
    'GET /livez', 'GET /readyz', 'GET /health', 'GET /metrics', 'POST /api/v1/session', 'GET /api/v1/session', 'DELETE /api/v1/session', 'POST /api/v1/unlock',
    'GET /api/v1/conversations', 'POST /api/v1/conversations', 'GET /api/v1/conversations/{id}', 'PATCH /api/v1/conversations/{id}',
    'GET /api/v1/conversations/{id}/files', 'GET /api/v1/conversations/{id}/files/{*}', 'GET /api/v1/conversations/{id}/messages', 'POST /api/v1/conversations/{id}/messages', 'GET /api/v1/turns/{id}', 'POST /api/v1/turns/{id}/cancel', 'POST /api/v1/actions',
    'GET /api/v1/approvals', 'GET /api/v1/approvals/{id}', 'POST /api/v1/approvals/{id}', 'POST /api/v1/approvals/{id}/edit', 'POST /api/v1/approvals/batch', 'GET /api/v1/why/{id}', 'GET /api/v1/runs/{id}', 'GET /api/v1/runs/{id}/output',
    'GET /api/v1/policy', 'PUT /api/v1/policy', 'POST /api/v1/policy/test', 'POST /api/v1/policy/preview', 'GET /api/v1/policy/history', 'POST /api/v1/policy/undo', 'DELETE /api/v1/policy/grants/{id}',
    'GET /api/v1/audit', 'POST /api/v1/audit/verify', 'GET /api/v1/audit/export', 'DELETE /api/v1/audit/texts',
    'POST /api/v1/memory', 'DELETE /api/v1/memory', 'POST /api/v1/memory/recall', 'GET /api/v1/memory/export', 'GET /api/v1/events',
    'GET /api/v1/bridges', 'POST /api/v1/bridges/openclaw/retry', 'POST /api/v1/bridges/openclaw/undelivered/{id}/discard', 'POST /api/v1/bridges/openclaw/undelivered/{id}/retry',
    'GET /api/v1/one-time-codes', 'POST /api/v1/one-time-codes', 'POST /api/v1/one-time-codes/confirm', 'DELETE /api/v1/one-time-codes',
  ];
  assert.deepEqual(routes.sort(), expected.sort());
});
