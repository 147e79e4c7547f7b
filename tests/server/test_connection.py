"""The websocket between page and kernel."""

import asyncio
import json
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect
from visitor import PROTOCOL, frame

from nnlib.server.connection import MAX_FRAME, GuardedConnection, TokenBucket, check_frame


async def nodelay_of_a_live_connection(connection_class: type) -> bool:
    """Whether TCP_NODELAY is set on the server's socket, once page and kernel are connected."""
    kernels = AsyncMappingKernelManager()
    kernel_id = await kernels.start_kernel()
    option: asyncio.Future[int] = asyncio.Future()
    closed = asyncio.Event()

    class Channels(KernelWebsocketHandler):
        """Jupyter's handler, without logins."""

        async def prepare(self):
            self.kernel_id = kernel_id
            kernel = kernels.get_kernel(kernel_id)
            self.connection = connection_class(parent=kernel, websocket_handler=self)
            await self.connection.prepare()

        async def get(self):
            await WebSocketHandler.get(self)

        def check_origin(self, origin=None):
            return True

        async def open(self):
            await super().open(kernel_id)
            sock = self.ws_connection.stream.socket
            option.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        def on_close(self):
            super().on_close()
            closed.set()

    server = HTTPServer(Application([("/", Channels)]))
    [listening] = bind_sockets(0, "127.0.0.1")
    server.add_sockets([listening])
    try:
        address = f"ws://127.0.0.1:{listening.getsockname()[1]}/"
        page = await websocket_connect(address, subprotocols=[PROTOCOL])
        nodelay = await asyncio.wait_for(option, 30)
        page.close()
        await asyncio.wait_for(closed.wait(), 30)
        return bool(nodelay)
    finally:
        server.stop()
        await kernels.shutdown_kernel(kernel_id, now=True)
        kernels.context.destroy(linger=0)


@pytest.mark.parametrize(
    ("connection_class", "nodelay"),
    [(GuardedConnection, True), (ZMQChannelsWebsocketConnection, False)],
)
def test_only_prompt_connection_sets_tcp_nodelay(connection_class, nodelay):
    assert asyncio.run(nodelay_of_a_live_connection(connection_class)) is nodelay


SOUND = frame("comm_msg", {"comm_id": "1", "data": {"x": 1}})[1]


def build(channel=b"shell", header=b'{"msg_type": "comm_msg"}', content=b"{}", buffers=()):
    """A frame with these parts, whatever they are."""
    parts = [channel, header, b"{}", b"{}", content, *buffers]
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)


def test_check_frame_gives_the_type_of_a_sound_frame():
    assert check_frame(SOUND) == "comm_msg"
    assert check_frame(build(buffers=[b"1", b"", b"22"])) == "comm_msg"


FROZEN = b"\xff" * 7 + b"\x7f"  # on which jupyter_server's parser counts to 2^63


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("text", "Text frames"),
        (b"", "number of offsets"),
        (FROZEN, "number of offsets"),
        (b"\x3f\xff\xff\xff", "number of offsets"),
        (FROZEN + SOUND[8:], "number of offsets"),
        (struct.pack("<Q", 7) + SOUND[8:40], "number of offsets"),
        (struct.pack("<7Q", 6, *[2**60] * 6), "do not fit"),
        (struct.pack("<7Q", 6, *[0] * 6), "do not fit"),
        (struct.pack("<7Q", 6, 60, 58, 59, 60, 60, 60) + bytes(9), "do not fit"),
        (build(channel=b"iopub"), "channel"),
        (build(channel=b"stdin"), "channel"),
        (build(channel=b"\xff\xfe"), "channel"),
        (build(header=b"\xff"), "not JSON"),
        (build(content=b"["), "not JSON"),
        (build(content=b"[" * 60_000), "not JSON"),
        (build(content=b"9" * 60_000), "not JSON"),
        (build(content=b"[]"), "not objects"),
        (build(header=b'{"msg_type": ["comm_msg"]}'), "no type"),
        (build(header=b"{}"), "no type"),
        (build(buffers=[b""] * 64), "number of offsets"),
        (build(content=json.dumps({"x": "9" * MAX_FRAME}).encode()), "too long"),
    ],
)
def test_check_frame_refuses_malformed_frames(bad, words):
    with pytest.raises(ValueError, match=words):
        check_frame(bad)


@given(st.data())
def test_what_check_frame_accepts_jupyter_server_parses(data):
    """Any bytes, and sound frames with some bytes replaced: refused with a sentence, or parsed."""
    mutated = bytearray(SOUND)
    for _ in range(data.draw(st.integers(0, 4))):
        mutated[data.draw(st.integers(0, len(SOUND) - 1))] = data.draw(st.integers(0, 255))
    bad = data.draw(st.sampled_from([bytes(mutated), data.draw(st.binary(max_size=200))]))
    try:
        kind = check_frame(bad)
    except ValueError as error:
        assert str(error).endswith(".")
        return
    channel, (header, *_) = deserialize_msg_from_ws_v1(bad)
    assert channel in ("shell", "control")
    assert json.loads(header)["msg_type"] == kind


def test_token_bucket_lets_the_burst_and_then_the_rate_pass():
    now = 0.0
    bucket = TokenBucket(rate=10, burst=5, clock=lambda: now)
    assert [bucket.take(1) for _ in range(6)] == [True] * 5 + [False]
    now = 0.25
    assert [bucket.take(1) for _ in range(3)] == [True, True, False]
    now = 100.0
    assert bucket.take(5)
    assert not bucket.take(1)
    assert not bucket.take(6)
