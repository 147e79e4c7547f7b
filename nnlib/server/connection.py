"""The connection between the page and its kernel, without delay.

By default the operating system holds a small message back until the one before it is
acknowledged (Nagle's algorithm). For this app, that would be most of the time between lifting
the pen and seeing the answer.
"""

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Sends every message at once (TCP_NODELAY)."""

    def connect(self) -> Any:
        self.websocket_handler.set_nodelay(True)
        return super().connect()
