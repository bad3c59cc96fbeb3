"""MegaBot's native WebSocket as docs/protocol.md describes it, and nothing else of MegaBot.

Needs only Debian's python3-websockets and python3-cryptography.
"""

import base64
import hashlib
import hmac
import json
import os
import time

import websockets
from cryptography.fernet import Fernet, InvalidToken


class ProtocolError(Exception):
    """The other side is not a MegaBot that knows the token, or does not keep to the protocol."""


def to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str, length: int) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(data) != length or to_base64url(data) != text:
        raise ProtocolError(f"expected {length} bytes in base64url")
    return data


def proof(label: bytes, token: str, server_nonce: bytes, client_nonce: bytes) -> bytes:
    return hmac.new(token.encode("utf-8"), label + server_nonce + client_nonce, hashlib.sha256).digest()


def session_id(server_nonce: bytes, client_nonce: bytes) -> str:
    return to_base64url(hashlib.sha256(server_nonce + client_nonce).digest()[:16])


def derive_key(password: str, salt: bytes) -> bytes:
    """The Fernet key, as Python's Fernet takes it."""
    return base64.urlsafe_b64encode(hashlib.pbkdf2_hmac("sha256", password.encode("utf-8"), salt, 100_000, 32))


class ClearCodec:
    def seal(self, frame) -> str:
        return json.dumps(frame)

    def open(self, text: str):
        return json.loads(text)


class SealedCodec:
    """Every frame is one Fernet token around session, direction, number and body."""

    def __init__(self, key: bytes, session: str):
        self._fernet = Fernet(key)
        self._session = session
        self._sent = 0
        self._received = 0

    def seal(self, frame) -> str:
        envelope = {"s": self._session, "d": "c2s", "n": self._sent, "body": frame}
        self._sent += 1
        return self._fernet.encrypt(json.dumps(envelope).encode("utf-8")).decode("ascii")

    def open(self, text: str):
        try:
            plaintext = self._fernet.decrypt_at_time(text.encode("ascii"), 60, int(time.time()))
        except (InvalidToken, UnicodeEncodeError) as error:
            raise ProtocolError("a frame that is no acceptable Fernet token") from error
        envelope = json.loads(plaintext)
        if (envelope.get("s"), envelope.get("d"), envelope.get("n")) != (self._session, "s2c", self._received):
            raise ProtocolError("a frame of another session, direction or number")
        self._received += 1
        return envelope["body"]


class Connection:
    """An authenticated connection; `hello` and `welcome` are the frames it began with."""

    def __init__(self, socket, codec, hello, welcome):
        self.socket = socket
        self.codec = codec
        self.hello = hello
        self.welcome = welcome

    async def send(self, frame) -> None:
        await self.socket.send(self.codec.seal(frame))

    async def receive(self):
        return self.codec.open(await self.socket.recv())

    async def close(self) -> None:
        await self.socket.close()


async def connect(url: str, token: str, password: str) -> Connection:
    """Connects, proves the token, has the server prove it; encrypts where a password is given."""
    socket = await websockets.connect(url, max_size=4 * 1_048_576, compression=None)
    try:
        return await _shake_hands(socket, token, password)
    except BaseException:
        await socket.close()
        raise


async def _shake_hands(socket, token: str, password: str) -> Connection:
    hello = json.loads(await socket.recv())
    if hello.get("type") != "hello" or hello.get("protocol") != 1:
        raise ProtocolError("this is not MegaBot's protocol 1")
    encryption = hello["encryption"]
    if password:
        if (encryption["required"], encryption["kdf"], encryption["iterations"]) != (True, "pbkdf2-sha256", 100_000):
            raise ProtocolError("the server offers less encryption than the password calls for")
    elif encryption["required"]:
        raise ProtocolError("the server encrypts, and no password was given")

    server_nonce = from_base64url(hello["nonce"], 32)
    client_nonce = os.urandom(32)
    if password:
        key = derive_key(password, from_base64url(encryption["salt"], 16))
        codec = SealedCodec(key, session_id(server_nonce, client_nonce))
    else:
        codec = ClearCodec()
    await socket.send(
        json.dumps(
            {
                "type": "auth",
                "protocol": 1,
                "nonce": to_base64url(client_nonce),
                "proof": to_base64url(proof(b"megabot-auth-v1", token, server_nonce, client_nonce)),
                "client": {"name": "python-example", "version": "1.0"},
            }
        )
    )

    welcome = codec.open(await socket.recv())
    expected = to_base64url(proof(b"megabot-welcome-v1", token, server_nonce, client_nonce))
    if welcome.get("type") != "welcome" or not hmac.compare_digest(str(welcome.get("proof")), expected):
        raise ProtocolError("the server did not prove that it knows the token")
    return Connection(socket, codec, hello, welcome)
