import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfiguration } from './config.ts';

describe('settings of the UI service', () => {
  it('have defaults for a machine that runs everything itself', () => {
    assert.deepEqual(readConfiguration({}), { host: '127.0.0.1', port: 5173, gatewayUrl: 'http://127.0.0.1:8000', logLevel: 'info' });
  });
  it('take the address of the gateway as an origin', () => {
    assert.equal(readConfiguration({ GATEWAY_URL: 'http://gateway:8000/' }).gatewayUrl, 'http://gateway:8000');
  });
  it('name what is wrong, never its value', () => {
    assert.throws(() => readConfiguration({ MEGABOT_UI_LISTEN_PORT: 'abc', GATEWAY_URL: 'secret-place', LOG_LEVEL: 'loud' }), (error: Error) => {
      for (const name of ['MEGABOT_UI_LISTEN_PORT', 'GATEWAY_URL', 'LOG_LEVEL']) assert.match(error.message, new RegExp(name));
      assert.doesNotMatch(error.message, /abc|secret-place|loud/);
      return true;
    });
  });
});
