"""`nnlib app`: what Voila is configured with."""

import json
import signal

import pytest

from nnlib.files import app_path
from nnlib.server.connection import MAX_FRAME, GuardedConnection
from nnlib.server.launch import DrawingApp


@pytest.fixture
def started(tmp_path, monkeypatch):
    """A function that configures the app with flags, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "user"))
    handler = signal.getsignal(signal.SIGTERM)

    def configure(*flags: str) -> DrawingApp:
        app = DrawingApp()
        app.initialize([str(app_path("app.ipynb")), *flags])
        return app

    yield configure
    signal.signal(signal.SIGTERM, handler)  # Voila replaces it


def write_configuration(folder, **voila) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "voila.json").write_text(json.dumps({"Voila": voila}), encoding="utf-8")


def test_app_uses_the_packaged_configuration(started):
    app = started()
    assert app.kernel_websocket_connection_class is GuardedConnection
    assert app.voila_configuration.template == "nnlib"
    assert app.voila_configuration.file_allowlist == []
    assert app.voila_configuration.allow_template_override == "NO"
    assert app.config.MappingKernelManager.cull_idle_timeout == 30
    assert app.tornado_settings == {"websocket_max_message_size": MAX_FRAME}
    assert app.config.VoilaExecutor.iopub_timeout == 60
    assert app.config.KernelRestarter.restart_limit == 0


def test_flags_have_priority_over_the_configuration(started):
    app = started(
        "--no-browser",
        "--port=9999",
        "--template=lab",
        "--VoilaConfiguration.allow_template_override=YES",
    )
    assert (app.open_browser, app.port) == (False, 9999)
    assert app.voila_configuration.template == "lab"
    assert app.voila_configuration.allow_template_override == "YES"
    assert app.kernel_websocket_connection_class is GuardedConnection


def test_app_ignores_voila_json_of_working_directory(started, tmp_path):
    write_configuration(tmp_path, port=1234)
    assert started().port == 8866


def test_app_reads_the_users_own_configuration(started, tmp_path):
    write_configuration(tmp_path / "user", port=1234)
    assert started().port == 1234


def test_app_refuses_another_notebook(started):
    with pytest.raises(ValueError, match="more than 1 argument"):
        started("other.ipynb")
