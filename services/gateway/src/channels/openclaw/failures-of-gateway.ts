import { refused, temporary, type LinkFailure } from './failure.ts';
import type { ErrorBody } from './protocol.ts';

const pairAnew = 'Set OPENCLAW_AUTH_TOKEN to the gateway\'s current token (gateway.auth.token in openclaw.json) and restart MegaBot; it pairs once and forgets it.';
const longestWaitMs = 300_000;

/** Codes of a refused handshake that no retry mends. The gateway's own sentence is not repeated: it is hers, and may be anything. */
const finalCodes: ReadonlyMap<string, readonly [message: string, mend: string]> = new Map(Object.entries({
  AUTH_TOKEN_MISMATCH: ['OpenClaw does not accept the token.', pairAnew],
  AUTH_TOKEN_MISSING: ['OpenClaw wants a token and got none.', pairAnew],
  AUTH_REQUIRED: ['OpenClaw wants a token and got none.', pairAnew],
  AUTH_UNAUTHORIZED: ['OpenClaw does not accept the token.', pairAnew],
  AUTH_DEVICE_TOKEN_MISMATCH: ['OpenClaw no longer accepts this device\'s token.', pairAnew],
  AUTH_SCOPE_MISMATCH: ['OpenClaw holds fewer rights for this device than the bridge needs.', 'Remove the device "MegaBot bridge …" in OpenClaw (openclaw devices list, openclaw devices remove <id>) and pair again with OPENCLAW_AUTH_TOKEN.'],
  DEVICE_IDENTITY_REQUIRED: ['OpenClaw did not take the bridge for a device.', 'Update OpenClaw and MegaBot so that both speak signature v3.'],
  DEVICE_AUTH_NONCE_MISMATCH: ['OpenClaw did not recognise its own challenge.', 'Look for something between MegaBot and OpenClaw that replays connections; then ask for another attempt.'],
  DEVICE_AUTH_SIGNATURE_INVALID: ['OpenClaw did not accept the signature of the bridge.', 'Update OpenClaw and MegaBot so that both speak signature v3.'],
  DEVICE_AUTH_SIGNATURE_EXPIRED: ['OpenClaw found the signature too old.', 'Set the clock of the machine that runs OpenClaw; then ask for another attempt.'],
  DEVICE_AUTH_DEVICE_ID_MISMATCH: ['OpenClaw knows this device under another key.', 'Empty the bridge\'s state folder and pair again with OPENCLAW_AUTH_TOKEN.'],
  PAIRING_REQUIRED: ['OpenClaw wants a person to approve this device.', 'Run openclaw devices list and openclaw devices approve <request> where OpenClaw runs; then ask for another attempt.'],
  NOT_PAIRED: ['OpenClaw wants a person to approve this device.', 'Run openclaw devices list and openclaw devices approve <request> where OpenClaw runs; then ask for another attempt.'],
  PROTOCOL_MISMATCH: ['OpenClaw does not speak protocol 4.', 'Install an OpenClaw that speaks protocol 4 (2026.9), or a MegaBot made for yours.'],
  CONTROL_UI_ORIGIN_NOT_ALLOWED: ['OpenClaw took the bridge for a browser.', 'Remove the proxy that adds an Origin header between MegaBot and OpenClaw.'],
} satisfies Record<string, readonly [string, string]>));

/** What a refused `connect` means. Unknown refusals are final: a door that says no is not knocked at again and again. */
export function handshakeFailure(error: ErrorBody): LinkFailure {
  const waiting = error.code === 'UNAVAILABLE' || error.details?.code === 'AUTH_RATE_LIMITED' || error.code === 'AUTH_RATE_LIMITED' || error.retryable === true;
  const known = finalCodes.get(error.details?.code ?? '') ?? finalCodes.get(error.code);
  if (!known && waiting) {
    return temporary('gateway_busy', 'OpenClaw is starting or busy.', 'OpenClaw to be ready', { retryAfterMs: error.retryAfterMs === undefined ? undefined : Math.min(error.retryAfterMs, longestWaitMs) });
  }
  if (known) return refused(reasonOf(error), known[0], known[1]);
  return refused('handshake_rejected', 'OpenClaw rejected the handshake.', 'Check that OPENCLAW_URL is an OpenClaw gateway of version 2026.9; then ask for another attempt.');
}

const reasonOf = (error: ErrorBody): string => (finalCodes.has(error.details?.code ?? '') ? (error.details?.code ?? '') : error.code).toLowerCase();

/** What an HTTP answer instead of an upgrade means. */
export function upgradeFailure(status: number): LinkFailure {
  if (status === 429 || status >= 500) return temporary('gateway_unavailable', `OpenClaw answered the connection with HTTP ${status}.`, 'OpenClaw, or the proxy before it, to work again');
  if (status === 403) return refused('proxy_not_trusted', 'OpenClaw refused the connection (HTTP 403): it sees a proxy that it does not trust.', 'Connect to OpenClaw directly, or name the proxy in gateway.trustedProxies.');
  return refused('not_openclaw', `What answers at OPENCLAW_URL is no OpenClaw gateway (HTTP ${status}).`, 'Set OPENCLAW_URL to the gateway, for instance ws://127.0.0.1:18789.');
}

/**
 * What the end of a connection means, where no answer told more. 1002 is the gateway's word for another protocol. 1008 during
 * the handshake says no; later it also means a slow reader, so the next handshake tells which.
 */
export function closeFailure(code: number, during: 'handshake' | 'life'): LinkFailure {
  if (code === 1002 && during === 'handshake') return refused('protocol_mismatch', 'OpenClaw ended the handshake: it speaks another protocol.', 'Install an OpenClaw that speaks protocol 4 (2026.9), or a MegaBot made for yours.');
  if (code === 1008 && during === 'handshake') return refused('handshake_rejected', 'OpenClaw ended the handshake without saying why.', 'Look into OpenClaw\'s log; then ask for another attempt.');
  if (code === 1012 || code === 1013 || code === 1001) return temporary('gateway_restarting', 'OpenClaw is restarting.', 'OpenClaw to be up again');
  return temporary('connection_lost', `The connection to OpenClaw ended (${code}).`, 'OpenClaw to take a connection again');
}
