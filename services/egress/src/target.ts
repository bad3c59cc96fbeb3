import { canonicalHost } from '@megabot/contracts/network.ts';

/** Where a request wants to go, in the one spelling that is compared, resolved and sent on. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Path and query; null for a tunnel. */
  readonly path: string | null;
}

/** Why a request is not even looked up. The texts are shown to the command that asked. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
  readonly status: 400 | 403;
  constructor(status: 400 | 403, message: string) {
    super(message);
    this.status = status;
  }
}

/** What of RFC 3986 a command may write: no userinfo, no bracketed address, and nothing that two parsers read differently. */
const authority = /^([A-Za-z0-9._-]{1,254})(?::(\d{1,5}))?$/;
const absolute = /^http:\/\/([^/?#]*)([/?][\x21\x22\x24-\x7e]*)?$/i;

/** The target of `CONNECT host:port`. @throws TargetRefused */
export function tunnelTarget(target: string, hostHeader: string | undefined): Target {
  const { host, port } = readAuthority(target, undefined);
  if (port !== 443) throw new TargetRefused(403, 'tunnels lead to port 443 alone');
  if (hostHeader !== undefined && !sameAuthority(hostHeader, host, port, port)) throw new TargetRefused(400, 'the request names one host and its header Host another');
  return { host, port, path: null };
}

/** The target of a request in absolute form, `GET http://host/path`. @throws TargetRefused */
export function requestTarget(target: string, hostHeader: string | undefined): Target {
  const match = absolute.exec(target);
  if (!match) {
    if (target.startsWith('/') || target === '*') throw new TargetRefused(400, 'this is a proxy: the request must name a whole http:// address');
    throw new TargetRefused(400, 'only http:// addresses are asked for in the open; https goes through CONNECT');
  }
  const { host, port } = readAuthority(match[1] ?? '', 80);
  if (port !== 80) throw new TargetRefused(403, 'requests in the open go to port 80 alone');
  // RFC 9112 §3.2.2 lets a proxy overlook the difference; a server behind a shared front would not.
  if (hostHeader === undefined || !sameAuthority(hostHeader, host, port, 80)) throw new TargetRefused(400, 'the request names one host and its header Host another');
  const path = match[2] ?? '/';
  return { host, port, path: path.startsWith('?') ? `/${path}` : path };
}

function readAuthority(text: string, defaultPort: number | undefined): { host: string; port: number } {
  const match = authority.exec(text);
  const host = match?.[1] === undefined ? undefined : canonicalHost(match[1]);
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (host === undefined || port === undefined || port < 1 || port > 65_535) {
    throw new TargetRefused(403, 'only public host names are reached: no addresses, no local names, no names and passwords; other scripts as "xn--…"');
  }
  return { host, port };
}

function sameAuthority(text: string, host: string, port: number, defaultPort: number): boolean {
  const match = authority.exec(text);
  return match?.[1] !== undefined && canonicalHost(match[1]) === host && Number(match[2] ?? defaultPort) === port;
}
