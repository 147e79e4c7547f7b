"""The connection between page and kernel, without waiting.

By default a small message waits until the one before it is acknowledged (Nagle's
algorithm), which here is most of the time from pen-up to the answer.
"""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Sends every message at once (TCP_NODELAY)."""

    def connect(self):
        self.websocket_handler.set_nodelay(True)
        return super().connect()
