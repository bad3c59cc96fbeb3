import type { ServerResponse } from 'node:http';
import type { BridgeReport, PlatformReport } from '@megabot/contracts/bridge-report.ts';
import type { OneTimeCodes } from '@megabot/contracts/endpoints/interlock.ts';
import { sendJson, sendProblem } from './fake-answers.ts';

/** The codes that the fake takes as right, each once, and the secret that it gives. */
export const fakeFirstCode = '123456';
export const fakeSecondCode = '654321';
export const fakeSecret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

type Holder = Pick<OneTimeCodes, 'platform' | 'sender'>;

const counters = { connections: 2, messages: 41, answers_delivered: 39, attempts_failed: 3 };

export const telegramRules: PlatformReport = { name: 'telegram', enabled: true, allowFrom: ['1001', '1002'], admins: ['1001'], approvals: 'code', maxRisk: 'medium', ratePerMinute: 20 };

/** A bridge that works. */
export const connectedBridge = (now: number): BridgeReport => ({
  name: 'openclaw', state: 'connected', since: now - 60_000, address: 'ws://127.0.0.1:18789/', gatewayVersion: '2026.9.6', counters, findings: [], undelivered: [],
  platforms: [telegramRules, { ...telegramRules, name: 'whatsapp', enabled: false }, { ...telegramRules, name: 'signal', allowFrom: [], admins: [] }],
});

/** A bridge that was refused, with everything that can be wrong at once. */
export const refusedBridge = (now: number): BridgeReport => ({
  name: 'openclaw', state: 'refused', reason: 'auth_token_mismatch', since: now - 60_000, address: 'ws+unix:/run/hostlink/openclaw/18789.sock', counters,
  message: 'OpenClaw does not take the token.', mend: 'Set OPENCLAW_AUTH_TOKEN to the current one, then make up.',
  findings: [
    { code: 'own_turns', level: 'warning', message: 'OpenClaw’s own agent works on people’s messages as well.', mend: 'Deny the channel in session.sendPolicy.' },
    { code: 'runs_commands', level: 'alarm', message: 'OpenClaw’s own agent ran a command.', mend: 'Set tools.exec.mode to "deny".' },
  ],
  undelivered: [
    { id: 'u1', platform: 'telegram', chat: '123\u202E456', state: 'failed', reason: 'The chat is gone.', attempts: 9, createdAt: now - 3_600_000, expiresAt: now - 60_000 },
    { id: 'u2', platform: 'telegram', chat: '77', state: 'pending', reason: 'OpenClaw is not connected.', attempts: 1, createdAt: now - 60_000, expiresAt: now + 86_000_000 },
  ],
});

/** Bridges and one-time codes of the fake gateway: off, and without admins, until a test says otherwise. */
export function createFakeMessengers() {
  let bridge: BridgeReport = { name: 'openclaw', state: 'off', counters: {}, findings: [], undelivered: [] };
  let admins: readonly Holder[] = [];
  let enrolled: readonly OneTimeCodes[] = [];
  let secretLastsMs = 600_000;
  const codesLeft = new Set([fakeFirstCode, fakeSecondCode]);
  let away = false;
  let refusesAgain = false;
  const others = ({ platform, sender }: Holder) => enrolled.filter((one) => one.platform !== platform || one.sender !== sender);

  function confirm(response: ServerResponse, holder: Holder, code: unknown): unknown {
    const made = enrolled.find((one) => one.platform === holder.platform && one.sender === holder.sender);
    if (!made) return sendProblem(response, 404, 'not_found', 'There is nothing to confirm.', 'Enrol again: a secret waits ten minutes for its first code.');
    if (!codesLeft.delete(String(code))) return sendProblem(response, 403, 'not_entitled', 'The code is not right, or was used before.', 'Take the one that your app shows now.');
    const used = { ...made, confirmed: true, lastUsedAt: Date.now() };
    enrolled = [...others(holder), used];
    return sendJson(response, used);
  }

  /** An answer to the chat `busy` is being sent. */
  function decide(response: ServerResponse, id: string, decision: string): unknown {
    const answer = bridge.undelivered.find((one) => one.id === id);
    if (!answer) return sendProblem(response, 404, 'not_found', 'There is no such answer.', 'Read the list again.');
    if (answer.chat === 'busy') return sendProblem(response, 409, 'conflict', 'It is being sent right now.', 'Look again in a minute.');
    const others = bridge.undelivered.filter((one) => one.id !== id);
    const again = { ...answer, state: 'pending', expiresAt: Date.now() + 86_400_000 };
    bridge = { ...bridge, undelivered: decision === 'discard' ? others : [again, ...others] };
    return sendJson(response, decision === 'discard' ? { id, state: 'discarded', message: 'It was discarded. Nothing was sent.' } : { id, state: 'pending', message: 'It is tried again now.' });
  }

  return {
    setBridge: (next: BridgeReport) => (bridge = next),
    setAdmins: (next: readonly Holder[]) => (admins = next),
    setEnrolled: (next: readonly OneTimeCodes[]) => (enrolled = next),
    setSecretLasts: (ms: number) => (secretLastsMs = ms),
    setRefusesAgain: (next: boolean) => (refusesAgain = next),
    undelivered: () => bridge.undelivered,
    setAway: (next: boolean) => (away = next),
    /** As the health report tells of it: absent while off. */
    health: () => (bridge.state === 'off' ? {} : { openclaw: { state: bridge.state } }),
    /** Whether it was one of these routes. */
    handle(at: string, response: ServerResponse, body: Readonly<Record<string, unknown>>): boolean {
      const holder = { platform: String(body['platform']), sender: String(body['sender']) };
      const [, id, decision] = /^POST \/api\/v1\/bridges\/openclaw\/undelivered\/([^/]+)\/(discard|retry)$/.exec(at) ?? [];
      if (id !== undefined && decision !== undefined) {
        decide(response, decodeURIComponent(id), decision);
        return true;
      }
      switch (at) {
        case 'GET /api/v1/bridges':
          if (away) sendProblem(response, 503, 'unavailable', 'The bridges cannot be asked.', 'Try again in a moment.');
          else sendJson(response, { bridges: [bridge] });
          return true;
        case 'POST /api/v1/bridges/openclaw/retry':
          if (bridge.state === 'standby') sendProblem(response, 409, 'conflict', 'The bridge is run by another process of this MegaBot.', 'Repeat this in a few seconds.');
          else if (refusesAgain) {
            sendJson(response, { ...bridge, state: 'connecting', message: undefined, mend: undefined });
          } else sendJson(response, (bridge = connectedBridge(Date.now())));
          return true;
        case 'GET /api/v1/one-time-codes':
          sendJson(response, { admins, enrolled });
          return true;
        case 'POST /api/v1/one-time-codes':
          enrolled = [...others(holder), { ...holder, confirmed: false, enrolledAt: Date.now(), lastUsedAt: null }];
          sendJson(response, { uri: `otpauth://totp/MegaBot:${encodeURIComponent(`${holder.platform}:${holder.sender}`)}?issuer=MegaBot&secret=${fakeSecret}&algorithm=SHA1&digits=6&period=30`, expiresAt: Date.now() + secretLastsMs });
          return true;
        case 'POST /api/v1/one-time-codes/confirm':
          confirm(response, holder, body['code']);
          return true;
        case 'DELETE /api/v1/one-time-codes':
          enrolled = others(holder);
          response.writeHead(204).end();
          return true;
        default:
          return false;
      }
    },
  };
}
