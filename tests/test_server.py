"""What the Voila server adds to Voila."""

import json
from importlib import import_module
from pathlib import Path

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from nnlib.server.connection import PromptConnection


def test_messages_are_sent_at_once(monkeypatch):
    called = []

    class Handler:
        def set_nodelay(self, value: bool) -> None:
            called.append(("set_nodelay", value))

    monkeypatch.setattr(PromptConnection, "websocket_handler", Handler())
    monkeypatch.setattr(
        ZMQChannelsWebsocketConnection, "connect", lambda self: called.append("connect")
    )
    PromptConnection.connect(PromptConnection.__new__(PromptConnection))
    assert called == [("set_nodelay", True), "connect"]


def test_voila_is_told_to_use_it():
    config = json.loads((Path(__file__).parent.parent / "voila.json").read_text(encoding="utf-8"))
    module, name = config["Voila"]["kernel_websocket_connection_class"].rsplit(".", 1)
    assert getattr(import_module(module), name) is PromptConnection
