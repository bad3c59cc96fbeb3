import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const preload = fileURLToPath(new URL('tracing-preload.ts', import.meta.url));
const program = `
  import { trace } from '@opentelemetry/api';
  trace.getTracer('test').startActiveSpan('a unit of work', (span) => { console.log(span.isRecording()); span.end(); });
`;

/** Runs a program that makes one span, and returns what it printed and what a collector on loopback was sent. */
async function run(endpoint: (port: number) => Record<string, string>) {
  const received: { path: string; contentType: string; body: string }[] = [];
  const collector = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push({ path: request.url ?? '', contentType: request.headers['content-type'] ?? '', body });
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  const child = spawn(process.execPath, ['--import', preload, '--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { PATH: process.env['PATH'] ?? '', ...endpoint(port) },
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  await new Promise((resolve) => collector.close(resolve));
  return { printed: printed.trim(), code, received };
}

test('without an endpoint nothing is recorded or sent', async () => {
  assert.deepEqual(await run(() => ({})), { printed: 'false', code: 0, received: [] });
  assert.deepEqual(await run(() => ({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })), { printed: 'false', code: 0, received: [] });
});

test('with an endpoint spans go there as OTLP over HTTP in JSON, under the name of the service', async () => {
  const { printed, code, received } = await run((port) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}/` }));
  assert.deepEqual([printed, code, received.map(({ path }) => path)], ['true', 0, ['/v1/traces']]);
  assert.match(received[0]?.contentType ?? '', /^application\/json/);
  assert.match(received[0]?.body ?? '', /a unit of work/);
  assert.match(received[0]?.body ?? '', /"service\.name","value":\{"stringValue":"observability"\}/);
});
