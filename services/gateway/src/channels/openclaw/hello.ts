import { allowedMethods, protocolVersion, role, scopes } from './allowed-methods.ts';
import { refused } from './failure.ts';
import { HelloOk } from './protocol.ts';

/**
 * Reads `hello-ok` and compares what was granted with what was asked: this protocol, this role, exactly these scopes, and every
 * method that we call. A scope too many is refused as well, because whoever steals the token then holds it.
 * @throws LinkFailure, final.
 */
export function checkHello(payload: unknown): HelloOk {
  const parsed = HelloOk.safeParse(payload);
  if (!parsed.success) throw refused('hello_unreadable', 'OpenClaw accepted the connection with words that the bridge does not understand.', 'Install an OpenClaw of version 2026.9, or a MegaBot made for yours.', parsed.error);
  const hello = parsed.data;
  if (hello.protocol !== protocolVersion) throw refused('protocol_mismatch', `OpenClaw speaks protocol ${hello.protocol}, the bridge ${protocolVersion}.`, 'Install an OpenClaw that speaks protocol 4 (2026.9), or a MegaBot made for yours.');
  if (hello.auth.role !== role) throw refused('role_mismatch', 'OpenClaw gave the bridge another role than it asked for.', unpair);
  const granted = new Set(hello.auth.scopes);
  const extra = [...granted].filter((scope) => !scopes.includes(scope));
  const missing = scopes.filter((scope) => !granted.has(scope));
  if (extra.length > 0) throw refused('scopes_too_many', `OpenClaw granted rights that the bridge did not ask for: ${listed(extra)}.`, unpair);
  if (missing.length > 0) throw refused('scopes_too_few', `OpenClaw did not grant what the bridge needs: ${listed(missing)}.`, unpair);
  const offered = new Set(hello.features.methods);
  const absent = allowedMethods.filter((method) => !offered.has(method));
  if (absent.length > 0) throw refused('methods_missing', `This OpenClaw does not offer ${listed(absent)}.`, 'Install an OpenClaw of version 2026.9.');
  return hello;
}

const unpair = 'Remove the device "MegaBot bridge …" in OpenClaw (openclaw devices list, openclaw devices remove <id>) and pair again with OPENCLAW_AUTH_TOKEN.';

/** Names from the other side, made harmless for a log line and a page. */
const listed = (names: readonly string[]): string => names.slice(0, 8).map((name) => name.replace(/[^\w.-]/g, '?')).join(', ');
