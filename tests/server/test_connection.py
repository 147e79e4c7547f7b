"""The websocket between page and kernel."""

import asyncio
import socket

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect

from nnlib.server.connection import PromptConnection


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
        page = await websocket_connect(f"ws://127.0.0.1:{listening.getsockname()[1]}/")
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
    [(PromptConnection, True), (ZMQChannelsWebsocketConnection, False)],
)
def test_only_prompt_connection_sets_tcp_nodelay(connection_class, nodelay):
    assert asyncio.run(nodelay_of_a_live_connection(connection_class)) is nodelay
