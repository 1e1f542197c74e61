"""Several readers of one address at once, without a browser: each moves a slider, and waits.

`python readers.py ADDRESS COUNT ROUNDS [PAUSE]` prints a line when all are there, waits for one on
its input, and then prints the seconds that each answer took, and stays until its input ends. PAUSE
is how many seconds a page takes from reading its document to being ready. An answer that does not
come is an error after two minutes. A reader has no document of its own, which would take longer to
make than what is measured: it sends and reads the messages that a page does (docs.bokeh.org,
"Bokeh protocol").
"""

import asyncio
import json
import sys
import time

import numpy as np
from bokeh.util.token import generate_jwt_token, generate_session_id
from tornado.websocket import websocket_connect

READY = {
    "kind": "MessageSent", "msg_type": "bokeh_event",
    "msg_data": {"type": "event", "name": "document_ready", "values": {"type": "map"}},
}  # fmt: skip


PATIENCE = 120.0  # seconds


class Reader:
    """A session, and messages both ways."""

    async def come(self, address, pause):
        """Open a page and wait until its figures are there."""
        token = generate_jwt_token(generate_session_id())
        self._socket = await websocket_connect(
            address.replace("http", "ws", 1) + "ws", subprotocols=["bokeh", token],
            max_message_size=2**28,
        )  # fmt: skip
        await self._until(lambda kind, content, buffers: kind == "ACK")
        await self._send("PULL-DOC-REQ", {})
        self._slider = self._errors = None
        await self._until(self._looked)
        await asyncio.sleep(pause)
        await self._send("PATCH-DOC", {"events": [READY]})
        if self._errors is None:
            await self._until(self._looked)
        return self

    async def move(self) -> float:
        """Seconds from a slider's new place until the curve drawn goes as far."""
        identity, attributes = self._slider
        wanted = attributes["value"] = attributes["value"] + 3 * attributes["step"]
        began = time.perf_counter()
        change = {"kind": "ModelChanged", "model": {"id": identity}, "attr": "value", "new": wanted}
        await self._send("PATCH-DOC", {"events": [change]})

        def drawn(kind, content, buffers):
            for event in content.get("events", []):
                if event["model"]["id"] == self._errors and event["attr"] == "data":
                    columns = dict(event.get("new", event.get("data"))["entries"])
                    last = _array(columns["t"], buffers)[-1]
                    return abs(last - wanted) < 1e-6 * wanted
            return False

        await self._until(drawn)
        return time.perf_counter() - began

    def leave(self):
        self._socket.close()

    def _looked(self, kind, content, buffers):
        """Whether slider and curve were found in what came."""
        for model in _models(content):
            attributes = model.get("attributes", {})
            if attributes.get("title") in ("Judged at T", "<b>Judged at T</b>"):
                self._slider = model["id"], attributes
            if attributes.get("name") == "errors":
                self._errors = model["id"]
        return kind == "PULL-DOC-REPLY" or self._errors is not None

    async def _send(self, kind, content):
        for part in ({"msgid": generate_session_id(), "msgtype": kind}, {}, content):
            await self._socket.write_message(json.dumps(part))

    async def _until(self, what):
        """Take messages, as a page does, until something is so."""
        while True:
            header, _, content = [json.loads(await self._read()) for _ in range(3)]
            buffers = {}
            for _ in range(header.get("num_buffers", 0)):
                identity = json.loads(await self._read())["id"]
                buffers[identity] = await self._read()
            if what(header["msgtype"], content, buffers):
                return

    async def _read(self):
        message = await self._socket.read_message()
        if message is None:
            raise ConnectionError("the server has closed the connection")
        return message


def _models(part):
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield part
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            if isinstance(one, dict | list):
                yield from _models(one)


def _array(written, buffers):
    data = written["array"]["data"]
    return np.frombuffer(buffers[data["id"]], written["dtype"])


async def main():
    address, count, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    pause = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0
    readers = [Reader() for _ in range(count)]
    # One after the other, as the pages of readers come.
    for reader in readers:
        async with asyncio.timeout(PATIENCE):
            await reader.come(address, pause)
    print("there", flush=True)
    sys.stdin.readline()
    waits = []
    for _ in range(rounds):
        async with asyncio.timeout(PATIENCE):
            waits += await asyncio.gather(*(reader.move() for reader in readers))
    print(*waits, flush=True)
    sys.stdin.readline()
    for reader in readers:
        reader.leave()


asyncio.run(main())
