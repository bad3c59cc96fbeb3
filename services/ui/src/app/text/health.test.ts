import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readHealth } from './health.ts';

describe('the health report', () => {
  it('is read as the gateway writes it', () => {
    assert.deepEqual(
      readHealth({ status: 'degraded', version: '0.1.0', deployment: 'stack', encryption: { required: true }, lockdown: false, services: { memory: { ok: true, detail: 'ready' }, sandbox: { ok: false, detail: 'timeout: no answer' } }, bridges: { openclaw: { state: 'connected' } }, warnings: ['Model: none'] }),
      {
        status: 'degraded', version: '0.1.0', deployment: 'stack', encryption: 'on', messengers: 'connected', warnings: ['Model: none'],
        services: [{ name: 'memory', ok: true, detail: 'ready' }, { name: 'sandbox', ok: false, detail: 'timeout: no answer' }],
      },
    );
  });
  for (const [name, body] of [['nothing', undefined], ['one word', { status: 'ok' }], ['nonsense', { services: 7, warnings: 'x', encryption: 'maybe' }], ['a list', []]] as const) {
    it(`breaks over nothing: ${name}`, () => {
      const health = readHealth(body);
      assert.deepEqual([health.services, health.warnings, health.encryption, health.messengers], [[], [], 'unknown', null]);
    });
  }
  it('knows encryption that is off from encryption that is not told of', () => {
    assert.equal(readHealth({ encryption: { required: false } }).encryption, 'off');
    assert.equal(readHealth({}).encryption, 'unknown');
  });
});
