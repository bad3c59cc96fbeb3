import { decodeBase64url } from '@megabot/crypto/base64url.ts';
import type { FernetKey } from '@megabot/crypto/fernet.ts';
import { pbkdf2Iterations } from '@megabot/crypto/fernet.ts';
import { authProof, constantTimeEquals, newNonce, nonceBytes, welcomeProof } from '@megabot/crypto/handshake.ts';
import { ChannelError, createSecureChannel } from '@megabot/crypto/secure-channel.ts';
import { AuthFrame, protocolVersion, type HelloFrame } from '@megabot/contracts/frames.ts';
import { clearCodec, ClosingError, type FrameCodec } from './connection.ts';

export interface HandshakeOptions {
  readonly version: string;
  readonly token: string;
  /** Undefined where encryption is off. */
  readonly key: FernetKey | undefined;
  readonly salt: string;
  readonly clock: () => number;
}

/** What `auth` has proved, and what the connection goes on with. */
export interface Handshaken {
  readonly client: string;
  readonly codec: FrameCodec;
  /** Ours, for `welcome`. */
  readonly proof: string;
}

/**
 * One connection's handshake (docs/protocol.md): `hello` says who we are and gives nothing to guess from; only a peer that
 * has proved the token gets anything encrypted with the password.
 */
export function startHandshake(options: HandshakeOptions): { hello: HelloFrame; finish(text: string): Handshaken } {
  const serverNonce = newNonce();
  const hello: HelloFrame = {
    type: 'hello',
    protocol: protocolVersion,
    server: `megabot/${options.version}`,
    time: options.clock(),
    nonce: serverNonce.toString('base64url'),
    encryption: { required: options.key !== undefined, kdf: 'pbkdf2-sha256', iterations: pbkdf2Iterations, salt: options.salt },
  };
  return {
    hello,
    /** @throws ClosingError `handshake_invalid` or `auth_failed`. */
    finish(text) {
      const auth = parseAuth(text);
      const clientNonce = decodeBase64url(auth.nonce, nonceBytes);
      const proof = decodeBase64url(auth.proof, 32);
      if (!clientNonce || !proof) throw new ClosingError('handshake_invalid');
      if (!constantTimeEquals(proof, authProof(options.token, serverNonce, clientNonce))) throw new ClosingError('auth_failed');
      return {
        client: auth.client ? `${auth.client.name}/${auth.client.version}` : 'unnamed',
        codec: options.key ? secureCodec(options.key, serverNonce, clientNonce, options.clock) : clearCodec,
        proof: welcomeProof(options.token, serverNonce, clientNonce).toString('base64url'),
      };
    },
  };
}

function parseAuth(text: string): AuthFrame {
  try {
    return AuthFrame.parse(JSON.parse(text));
  } catch (cause) {
    throw new ClosingError('handshake_invalid', { cause });
  }
}

function secureCodec(key: FernetKey, serverNonce: Buffer, clientNonce: Buffer, clock: () => number): FrameCodec {
  const channel = createSecureChannel({ role: 'server', key, serverNonce, clientNonce, clock });
  return {
    encode: (frame) => channel.seal(frame),
    decode(text) {
      try {
        return channel.open(text);
      } catch (cause) {
        if (cause instanceof ChannelError) throw new ClosingError('channel_violation', { cause });
        throw cause;
      }
    },
  };
}
