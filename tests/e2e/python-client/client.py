#!/usr/bin/python3
"""A MegaBot client in another language, written only from docs/protocol.md.

Prints every frame it receives as one line of JSON. The address and the secrets come from the environment:
MEGABOT_URL (ws://127.0.0.1:18790), MEGABOT_AUTH_TOKEN, MEGABOT_WS_PASSWORD (empty: no encryption).

  client.py chat "!run ls" --decide approve      say it, decide what it asks for, print until its answer
  client.py chat hello --reconnect 60            the same, coming back when the connection breaks
  client.py listen --seconds 5                   print what happens
  client.py resume --since 12 --epoch EPOCH      print what was missed, up to the present
  client.py violate replay                       break the encrypted channel; prints how it was closed
  client.py vector ../../../docs/protocol.md     check the worked example

Exit codes: 0 as hoped, 1 wrong use or configuration, 2 timed out, 3 closed by the server, 4 the server broke the protocol,
5 the turn failed or was refused. `violate` and `chat` with a wrong token also end with a line {"type":"closed","code":…}.
"""

import argparse
import asyncio
import json
import os
import random
import re
import sys
import uuid

import websockets
from protocol import ProtocolError, SealedCodec, connect, derive_key, from_base64url, proof, session_id, to_base64url


def show(frame) -> None:
    print(json.dumps(frame, ensure_ascii=False), flush=True)


def show_close(error: websockets.ConnectionClosed) -> None:
    closed = error.rcvd
    show({"type": "closed", "code": closed.code if closed else 1006, "reason": closed.reason if closed else ""})


class Chat:
    """One message and its turn, over as many connections as it takes."""

    def __init__(self, options):
        self.options = options
        self.message = {"type": "message", "id": str(uuid.UUID(options.id) if options.id else uuid.uuid4()), "conversation": options.conversation, "text": options.text}
        self.turn_id = None
        self.epoch = None
        self.since = None
        self.decided = set()
        # After sending again, the events of the turn may come before `accepted` says which turn it is.
        self.early = []

    async def over(self, connection) -> int:
        welcome = connection.welcome
        show(welcome)
        if self.epoch is not None and welcome["epoch"] == self.epoch and self.since < welcome["resumeFrom"]:
            await connection.send({"type": "resume", "since": self.since, "epoch": self.epoch})
        elif self.epoch != welcome["epoch"]:
            self.epoch, self.since = welcome["epoch"], welcome["resumeFrom"]
        if self.turn_id is None:
            await connection.send(self.message)
        while True:
            frame = await connection.receive()
            show(frame)
            self.since = max(self.since, frame.get("seq", 0))
            result = await self.take(connection, frame)
            if result is not None:
                return result

    async def take(self, connection, frame):
        if frame["type"] == "error" and frame.get("ref") == self.message["id"]:
            return 5
        if frame["type"] == "accepted" and frame["id"] == self.message["id"]:
            self.turn_id = frame["turnId"]
            early, self.early = self.early, []
            for earlier in early:
                result = await self.take(connection, earlier)
                if result is not None:
                    return result
            return None
        if self.turn_id is None:
            self.early.append(frame)
            return None
        approval = frame.get("approval", {})
        if frame["type"] == "approval" and approval["turnId"] == self.turn_id and self.options.decide and approval["id"] not in self.decided:
            self.decided.add(approval["id"])
            await connection.send({"type": "decide", "approvalId": approval["shortId"], "decision": self.options.decide})
        if frame["type"] == "final" and frame["turnId"] == self.turn_id:
            return 0 if frame["status"] == "done" else 5
        return None


async def chat(options, address) -> int:
    conversation = Chat(options)
    deadline = asyncio.get_running_loop().time() + options.reconnect
    attempt = 0
    while True:
        try:
            connection = await connect(*address)
            attempt = 0
            try:
                return await conversation.over(connection)
            finally:
                await connection.close()
        except (websockets.ConnectionClosed, websockets.InvalidHandshake, EOFError, OSError) as error:
            if isinstance(error, websockets.ConnectionClosed):
                show_close(error)
            refused = isinstance(error, websockets.ConnectionClosed) and error.rcvd is not None and error.rcvd.code == 4401
            if refused or asyncio.get_running_loop().time() > deadline:
                return 3
            attempt += 1
            await asyncio.sleep(random.uniform(0.5, 1) * min(5, 0.5 * 2**attempt))


async def listen(options, address) -> int:
    connection = await connect(*address)
    show(connection.welcome)

    async def receive() -> None:
        while True:
            show(await connection.receive())

    try:
        await asyncio.wait_for(receive(), options.seconds)
    except asyncio.TimeoutError:
        await connection.close()
    return 0


async def resume(options, address) -> int:
    connection = await connect(*address)
    show(connection.welcome)
    await connection.send({"type": "resume", "since": options.since, "epoch": options.epoch})
    last = options.since
    while last < connection.welcome["resumeFrom"]:
        frame = await connection.receive()
        show(frame)
        if frame["type"] == "error":
            return 5
        last = max(last, frame.get("seq", 0))
    await connection.close()
    return 0


async def violate(options, address) -> int:
    connection = await connect(*address)
    show(connection.welcome)
    seal, send = connection.codec.seal, connection.socket.send
    first, second = seal({"type": "ping"}), seal({"type": "ping"})
    for frame in {"replay": [first, first], "reorder": [second, first], "plaintext": ['{"type":"ping"}'], "garbage": ["\u0001 garbage"], "large": ["x" * 10 * 1_048_576]}[options.how]:
        await send(frame)
    while True:
        show(await connection.receive())


def vector(options, _address) -> int:
    """Compares each step with the worked example of the document."""
    with open(options.document, encoding="utf-8") as document:
        block = re.search(r"<!-- generated:vector -->\n```\n(.*?)\n```", document.read(), re.S).group(1)
    given = dict(re.split(r"\s{2,}", line, maxsplit=1) if "  " in line else line.rsplit(" ", 1) for line in block.splitlines())
    nonces = from_base64url(given["server nonce"], 32), from_base64url(given["client nonce"], 32)
    key = derive_key(given["password"], from_base64url(given["salt"], 16))
    made = {
        "auth proof": to_base64url(proof(b"megabot-auth-v1", given["token"], *nonces)),
        "welcome proof": to_base64url(proof(b"megabot-welcome-v1", given["token"], *nonces)),
        "Fernet key": key.decode("ascii"),
        "session": session_id(*nonces),
        "plaintext": SealedCodec(key, session_id(*nonces))._fernet.decrypt(given["token on wire"].encode("ascii")).decode("utf-8"),
    }
    wrong = [name for name, value in made.items() if value != given[name]]
    show({"type": "vector", "wrong": wrong})
    return 1 if wrong else 0


def parse_options():
    parser = argparse.ArgumentParser(description="A MegaBot client written from docs/protocol.md")
    parser.add_argument("--timeout", type=float, default=120, help="seconds in all")
    modes = parser.add_subparsers(dest="mode", required=True)
    mode = modes.add_parser("chat")
    mode.add_argument("text")
    mode.add_argument("--conversation", default="default")
    mode.add_argument("--decide", choices=["approve", "reject"])
    mode.add_argument("--id", help="the message's UUID, to send one again")
    mode.add_argument("--reconnect", type=float, default=0, metavar="SECONDS")
    mode = modes.add_parser("listen")
    mode.add_argument("--seconds", type=float, default=5)
    mode = modes.add_parser("resume")
    mode.add_argument("--since", type=int, required=True)
    mode.add_argument("--epoch", required=True)
    mode = modes.add_parser("violate")
    mode.add_argument("how", choices=["replay", "reorder", "plaintext", "garbage", "large"])
    mode = modes.add_parser("vector")
    mode.add_argument("document")
    return parser.parse_args()


async def main() -> int:
    options = parse_options()
    if options.mode == "vector":
        return vector(options, None)
    address = (os.environ.get("MEGABOT_URL", "ws://127.0.0.1:18790"), os.environ.get("MEGABOT_AUTH_TOKEN", ""), os.environ.get("MEGABOT_WS_PASSWORD", ""))
    if not address[1]:
        print("MEGABOT_AUTH_TOKEN is not set", file=sys.stderr)
        return 1
    work = {"chat": chat, "listen": listen, "resume": resume, "violate": violate}[options.mode]
    try:
        return await asyncio.wait_for(work(options, address), options.timeout)
    except asyncio.TimeoutError:
        return 2
    except websockets.ConnectionClosed as error:
        show_close(error)
        return 3
    except ProtocolError as error:
        print(f"the server broke the protocol: {error}", file=sys.stderr)
        return 4


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
