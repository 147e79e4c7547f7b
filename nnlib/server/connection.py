"""The connection between the page and its kernel: without delay, and with checks.

By default the operating system holds a small message back until the one before it is
acknowledged (Nagle's algorithm). For this app, that would be most of the time between lifting
the pen and seeing the answer.

A stranger may send anything. Each frame is checked here before jupyter_server parses it: its
parser counts to whatever number the sender wrote into the first eight bytes.
"""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.web import HTTPError

PROTOCOL = "v1.kernel.websocket.jupyter.org"
CHANNELS = ("shell", "control")  # those on which a page has anything to say
MAX_FRAME = 64 * 1024  # bytes
MIN_OFFSETS, MAX_OFFSETS = 6, 64  # channel, header, parent, metadata, content, end; then buffers
MAX_SOCKETS = 2  # per kernel: a page that reconnects may have its old one still open
MAX_BACKLOG = 256  # messages that the kernel has not handled yet
MESSAGES_PER_SECOND, MESSAGE_BURST = 300, 900  # a fast pen makes 144 a second
BYTES_PER_SECOND, BYTE_BURST = 256 * 1024, 1024 * 1024

BUSY, IDLE = (json.dumps({"execution_state": state}).encode() for state in ("busy", "idle"))

# Codes of RFC 6455.
GOING_AWAY, INVALID_DATA, POLICY_VIOLATION = 1001, 1007, 1008


class GuardedConnection(ZMQChannelsWebsocketConnection):
    """Sends every message at once (TCP_NODELAY), and closes on malformed frames and floods."""

    is_open = False
    backlog = 0

    @property
    def subprotocol(self) -> str:
        """The only one there is.

        jupyter_server asks the websocket, which no longer knows once it is being closed from here.
        What still comes and goes would then be taken for frames of an older protocol, in which
        the first bytes are a number of parts: 100 million of them, for a sound frame.
        """
        return PROTOCOL

    @property
    def is_closing(self) -> bool:
        """Whether the socket is being closed from here."""
        return self.websocket_handler.ws_connection is None

    async def prepare(self) -> None:
        """Refuse a socket before it is opened.

        Raises HTTPError 400 without the protocol whose frames are checked here.
        """
        offered = self.websocket_handler.request.headers.get("Sec-WebSocket-Protocol", "")
        if PROTOCOL not in (name.strip() for name in offered.split(",")):
            raise HTTPError(400, reason=f"This server speaks only the subprotocol {PROTOCOL}")
        await super().prepare()

    def connect(self) -> Any:
        if self.multi_kernel_manager.kernel_model(self.kernel_id)["connections"] >= MAX_SOCKETS:
            self.websocket_handler.close(POLICY_VIOLATION, "This kernel has enough connections.")
            return asyncio.sleep(0)
        self.is_open = True
        self._messages = TokenBucket(MESSAGES_PER_SECOND, MESSAGE_BURST)
        self._bytes = TokenBucket(BYTES_PER_SECOND, BYTE_BURST)
        self.websocket_handler.set_nodelay(True)
        return super().connect()

    def disconnect(self) -> Any:
        if self.is_open:
            self.is_open = False
            super().disconnect()

    def on_restart_failed(self) -> None:
        """Tell the page that its kernel is dead, and end the connection."""
        super().on_restart_failed()
        self.websocket_handler.close(GOING_AWAY, "The kernel died.")

    def handle_incoming_message(self, incoming_msg: Any) -> None:
        """Pass a sound message on to the kernel; close the socket on any other."""
        if self.is_closing:
            return
        try:
            kind = check_frame(incoming_msg)
        except ValueError as error:
            self.websocket_handler.close(INVALID_DATA, str(error))
            return
        if not (self._messages.take(1) and self._bytes.take(len(incoming_msg))):
            self.websocket_handler.close(POLICY_VIOLATION, "Too many messages.")
            return
        if kind in self.multi_kernel_manager.allowed_message_types:
            self.backlog += 1
        super().handle_incoming_message(incoming_msg)  # which ignores all other kinds

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """Pass a message on to the page, and note how the kernel gets on.

        That it is busy is not passed on: the page would only be told so for every move of the pen.
        """
        kernel: Any = self.kernel_manager
        kernel.last_activity = datetime.now(UTC)
        _, parts = self.session.feed_identities(outgoing_msg)  # signature, header, parent, …
        parent, content = (cast(bytes, parts[i]) for i in (2, 4))
        if content in (BUSY, IDLE):
            kernel.execution_state = "busy" if content == BUSY else "idle"
            if content == BUSY:
                return
            if self.session.session.encode() in parent:
                self.backlog = max(0, self.backlog - 1)
        if not self.is_closing:
            super().handle_outgoing_message(stream, outgoing_msg)

    def _limit_rate(self, channel: Any, msg: Any, msg_list: Any) -> bool:
        """No message to the page is dropped; a page that reads too slowly is disconnected."""
        return False

    async def wait_for_kernel(self) -> None:
        """Return once the kernel is less than `MAX_BACKLOG` messages behind."""
        while self.is_open and self.backlog >= MAX_BACKLOG:
            await asyncio.sleep(0.02)


def check_frame(frame: object) -> str:
    """Check a frame of the protocol v1.kernel.websocket.jupyter.org; returns its message type.

    A frame is the number n of offsets, n offsets (each 8 bytes, little-endian), and the parts
    between them: channel, header, parent header, metadata, content, and any buffers.

    Raises ValueError with a sentence.
    """
    if not isinstance(frame, bytes):
        raise ValueError("Text frames are not part of the protocol.")
    if len(frame) > MAX_FRAME:
        raise ValueError("The frame is too long.")
    n = int.from_bytes(frame[:8], "little")
    if not MIN_OFFSETS <= n <= MAX_OFFSETS or len(frame) < 8 * (n + 1):
        raise ValueError("The frame has no sound number of offsets.")
    offsets = [int.from_bytes(frame[8 * i : 8 * i + 8], "little") for i in range(1, n + 1)]
    if offsets[0] < 8 * (n + 1) or offsets[-1] > len(frame) or offsets != sorted(offsets):
        raise ValueError("The offsets do not fit the frame.")
    channel, *parts = (frame[i:j] for i, j in pairwise(offsets))
    if channel.decode("latin-1") not in CHANNELS:
        raise ValueError("The channel takes no messages.")
    try:
        header, *others = (json.loads(part) for part in parts[:4])
    except (ValueError, RecursionError):
        raise ValueError("The message is not JSON.") from None
    if not all(isinstance(part, dict) for part in (header, *others)):
        raise ValueError("The message's parts are not objects.")
    if not isinstance(kind := header.get("msg_type"), str):
        raise ValueError("The message has no type.")
    return kind


class TokenBucket:
    """Lets `rate` tokens a second pass, and `burst` at once.

    clock: gives seconds.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic):
        self._rate, self._burst, self._clock = rate, burst, clock
        self._tokens, self._last = burst, clock()

    def take(self, n: float) -> bool:
        """Take n tokens if there are as many."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + self._rate * (now - self._last))
        self._last = now
        if n > self._tokens:
            return False
        self._tokens -= n
        return True
