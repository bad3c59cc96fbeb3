import { deriveFernetKey, sealFernet } from '@megabot/crypto/fernet.ts';
import { authProof, sessionId, welcomeProof } from '@megabot/crypto/handshake.ts';

/** One worked example of the handshake, from fixed values, so that a client can be checked before it meets a server. */
export async function handshakeVector(): Promise<string> {
  const token = 'an-example-token-0123456789';
  const password = 'an example password';
  const bytes = (length: number, first: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => (first + index) % 256));
  const [salt, serverNonce, clientNonce, iv] = [bytes(16, 0), bytes(32, 32), bytes(32, 64), bytes(16, 128)];
  const key = await deriveFernetKey(password, salt);
  const envelope = JSON.stringify({ s: sessionId(serverNonce, clientNonce), d: 'c2s', n: 0, body: { type: 'ping' } });
  const now = 1_700_000_000_000;
  return [
    '```',
    `token            ${token}`,
    `password         ${password}`,
    `salt             ${salt.toString('base64url')}`,
    `server nonce     ${serverNonce.toString('base64url')}`,
    `client nonce     ${clientNonce.toString('base64url')}`,
    `auth proof       ${authProof(token, serverNonce, clientNonce).toString('base64url')}`,
    `welcome proof    ${welcomeProof(token, serverNonce, clientNonce).toString('base64url')}`,
    `Fernet key       ${Buffer.concat([key.signing, key.encryption]).toString('base64url')}=`,
    `session          ${sessionId(serverNonce, clientNonce)}`,
    `plaintext        ${envelope}`,
    `IV, time         ${iv.toString('hex')}, ${now / 1_000}`,
    `token on wire    ${sealFernet(key, Buffer.from(envelope), now, iv)}`,
    '```',
  ].join('\n');
}
