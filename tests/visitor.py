"""A visitor without a browser: gets the page, opens its websocket, and draws.

For the tests of the server and its benchmark: fifty of these take less than one Chromium.
"""

import asyncio
import itertools
import json
import re
import time
import uuid
from typing import Any

from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

PROTOCOL = "v1.kernel.websocket.jupyter.org"
SIDE = 500  # of the pad
AsyncHTTPClient.configure(None, max_clients=300)


async def fetch(url: str, **options: Any):
    """An HTTP response of whatever status."""
    request = HTTPRequest(url, **{"request_timeout": 90, "follow_redirects": False} | options)
    return await AsyncHTTPClient().fetch(request, raise_error=False)


async def load_page(address: str, deadline: float = 120):
    """Load the page as a browser would, waiting for a place; gives the app's page."""
    ticket, end = "", time.monotonic() + deadline
    while True:
        page = await fetch(f"{address}?ticket={ticket}" if ticket else address)
        waiting = re.search(r'ticket = "([\w-]+)"', page.body.decode())
        if page.code == 200 or not waiting:
            return page
        ticket = waiting[1]
        while json.loads((await fetch(f"{address}queue?ticket={ticket}")).body)["before_you"]:
            if time.monotonic() > end:
                raise TimeoutError("No place became free.")
            await asyncio.sleep(0.5)


def frame(kind: str, content: Any, session: str = "", channel: str = "shell", **header: Any):
    """The id and the bytes of a message in the protocol v1.kernel.websocket.jupyter.org."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": kind,
        "username": "",
        "session": session,
        "date": "2026-01-01T00:00:00Z",
        "version": "5.3",
    } | header
    message = {
        "header": header,
        "parent_header": {},
        "metadata": {"version": "1.0.0"},
        "content": content,
    }
    return header["msg_id"], serialize_msg_to_ws_v1(
        message, channel, lambda part: json.dumps(part).encode()
    )


class Visitor:
    """One page with its kernel.

    states: the widgets' states by their ids, as far as they have come.
    """

    def __init__(self, address: str, page) -> None:
        self.address = address
        cookies = page.headers.get_list("Set-Cookie")
        self.cookie = "; ".join(cookie.split(";")[0] for cookie in cookies)
        self.kernel_id = re.search(r'"kernelId": "([^"]+)"', page.body.decode())[1]
        self.session = uuid.uuid4().hex
        self.states: dict[str, dict] = {}
        self.socket: WebSocketClientConnection | None = None
        self._idle: dict[str, asyncio.Future] = {}

    @classmethod
    async def enter(cls, address: str) -> "Visitor":
        """Load the page, connect, and ask for the widgets."""
        visitor = cls(address, await load_page(address))
        await visitor.connect()
        return visitor

    async def open_socket(self, **options: Any) -> WebSocketClientConnection:
        """A websocket to the kernel; options: `headers`, `subprotocols`, `session`."""
        session = options.get("session", self.session)
        url = f"{self.address}api/kernels/{self.kernel_id}/channels?session_id={session}"
        headers = {"Cookie": self.cookie} | options.get("headers", {})
        request = HTTPRequest(url.replace("http", "ws", 1), headers=headers, connect_timeout=30)
        return await websocket_connect(
            request, subprotocols=options.get("subprotocols", [PROTOCOL])
        )

    async def connect(self) -> None:
        self.socket = await self.open_socket()
        self._reader = asyncio.ensure_future(self._read())
        self._control = uuid.uuid4().hex
        await self.send(
            "comm_open",
            {"comm_id": self._control, "target_name": "jupyter.widget.control", "data": {}},
        )
        await self.comm(self._control, {"method": "request_states"})

    async def _read(self) -> None:
        while (message := await self.socket.read_message()) is not None:
            _, (header, parent, _, content, *_) = deserialize_msg_from_ws_v1(message)
            kind, content = json.loads(header)["msg_type"], json.loads(content)
            if kind == "comm_msg":
                self._take(content["comm_id"], content["data"])
            elif kind == "status" and content["execution_state"] == "idle":
                idle = self._idle.pop(json.loads(parent).get("msg_id"), None)
                if idle is not None and not idle.done():
                    idle.set_result(None)
        for idle in self._idle.values():
            idle.cancel()

    def _take(self, comm_id: str, data: dict) -> None:
        if comm_id == self._control:
            self.states = {id: widget["state"] for id, widget in data["states"].items()}
        elif data.get("method") == "update":
            self.states.setdefault(comm_id, {}).update(data["state"])

    def send(self, kind: str, content: Any, channel: str = "shell") -> asyncio.Future:
        """Send a message; the future is done when the kernel has handled it."""
        message_id, data = frame(kind, content, self.session, channel)
        self._idle[message_id] = handled = asyncio.get_running_loop().create_future()
        self.socket.write_message(data, binary=True)
        return handled

    def comm(self, comm_id: str, data: dict) -> asyncio.Future:
        return self.send("comm_msg", {"comm_id": comm_id, "data": data})

    def find(self, css_class: str) -> str:
        """The id of the widget with that CSS class."""
        (found,) = (
            id
            for id, state in self.states.items()
            if css_class in (state.get("_dom_classes") or ())
        )
        return found

    def value(self, css_class: str) -> Any:
        return self.states[self.find(css_class)].get("value")

    @property
    def is_disconnected(self) -> bool:
        return self._reader.done()

    @property
    def digit(self) -> str:
        """What the app answers."""
        return re.sub("<[^>]*>", "", self.value("nnlib-digit")).strip()

    def press(self, css_class: str) -> asyncio.Future:
        return self.comm(self.find(css_class), {"method": "custom", "content": {"event": "click"}})

    def pen(self, event: str, x: Any, y: Any) -> asyncio.Future:
        """Send an event of the pad, such as mouse_move, in pixels of the pad."""
        pad = self.states[self.find("nnlib-sketchpad")]["children"][0].removeprefix("IPY_MODEL_")
        content = {"event": event, "x": x, "y": y}
        return self.comm(pad, {"method": "custom", "content": content})

    async def draw(self, strokes, interval: float = 0.0, steps: int = 8) -> float:
        """Draw, in shares of the pad; gives the seconds from the last pen-up to the answer."""
        for stroke in strokes:
            points = [(SIDE * x, SIDE * y) for x, y in stroke]
            self.pen("mouse_down", *points[0])
            for (ax, ay), (bx, by) in itertools.pairwise(points):
                for i in range(1, steps + 1):
                    self.pen("mouse_move", ax + (bx - ax) * i / steps, ay + (by - ay) * i / steps)
                    await asyncio.sleep(interval)
            start = time.perf_counter()
            await self.pen("mouse_up", *points[-1])
        return time.perf_counter() - start

    async def crash(self) -> None:
        """Be gone without a word."""
        self.socket.close()

    async def leave(self) -> None:
        """Close the tab, as Voila's page does: a beacon, and the socket."""
        headers = {"Cookie": self.cookie, "Origin": self.address.rstrip("/")}
        url = f"{self.address}voila/api/shutdown/{self.kernel_id}"
        await fetch(url, method="POST", body="", headers=headers)
        if self.socket is not None:
            self.socket.close()
