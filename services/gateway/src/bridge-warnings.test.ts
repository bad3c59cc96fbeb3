import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bridgeWarnings } from './bridge-warnings.ts';
import { closeFailure, handshakeFailure, upgradeFailure } from './channels/openclaw/failures-of-gateway.ts';
import { describeState } from './channels/openclaw/status.ts';
import type { LinkState } from './channels/openclaw/link.ts';

const address = 'ws://127.0.0.1:18789/';
const told = (state: LinkState): string[] => bridgeWarnings({ state: state.name, address, findings: [], ...describeState(state) });
const trouble = (state: LinkState): string => told(state).slice(1).join('\n');

describe('what the owner is told of a bridge', () => {
  it('is nothing while there is none, and what leaves through it as soon as there is one', () => {
    assert.deepEqual([bridgeWarnings(undefined), told({ name: 'off' })], [[], []]);
    const [through, ...rest] = bridgeWarnings({ state: 'connected', address, findings: [] });
    assert.match(through ?? '', /go through OpenClaw at ws:\/\/127\.0\.0\.1:18789\/ to their messengers' companies/);
    assert.deepEqual(rest, []);
  });

  const failures = [
    ['a wrong token', handshakeFailure({ code: 'AUTH_TOKEN_MISMATCH', message: '' }), /Set OPENCLAW_AUTH_TOKEN/],
    ['a device that waits for its person', handshakeFailure({ code: 'NOT_PAIRED', message: '' }), /openclaw devices approve/],
    ['a refusal that nobody knows', handshakeFailure({ code: 'OF_TOMORROW', message: '' }), /Check that OPENCLAW_URL is an OpenClaw gateway/],
    ['something else at the address', upgradeFailure(404), /Set OPENCLAW_URL to the gateway/],
    ['a busy gateway', handshakeFailure({ code: 'UNAVAILABLE', message: '' }), /It waits for OpenClaw to be ready\./],
    ['a broken proxy', upgradeFailure(502), /It waits for OpenClaw, or the proxy before it, to work again\./],
    ['a restart', closeFailure(1012, 'life'), /It waits for OpenClaw to be up again\./],
    ['a lost connection', closeFailure(1006, 'life'), /It waits for OpenClaw to take a connection again\./],
  ] as const;
  for (const [name, { problem }, says] of failures) {
    it(`names of ${name} ${problem.final ? 'the mend, and that nothing is tried before it' : 'what it waits for, and that nobody need do anything'}`, () => {
      const text = trouble(problem.final ? { name: 'refused', problem } : { name: 'waiting', problem, nextTryAt: 1 });
      assert.ok(text.includes(problem.message), text);
      assert.match(text, says);
      assert.match(text, problem.final ? /What to do: .*It is not tried again by itself: after that, use "Try again now"/s : /It is tried again by itself\./);
      if (problem.final) assert.doesNotMatch(text, /waits for/);
      assert.match(text, /the rest of MegaBot works/);
    });
  }

  it('says while it connects what that waits for', () => assert.match(trouble({ name: 'connecting' }), /bridge connecting: it waits for OpenClaw to finish the handshake\./));

  it('says that a network reads along, and every finding with its mend', () => {
    const [, read, finding] = bridgeWarnings({ state: 'connected', address: 'ws://192.168.1.9:18789/', findings: [{ code: 'own_turns', level: 'warning', message: 'It works along.', mend: 'Deny it.' }] });
    assert.match(read ?? '', /unencrypted/);
    assert.equal(finding, 'OpenClaw: It works along. Deny it.');
  });
});
