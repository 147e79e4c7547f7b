"""`nnlib app`: Voila with the packaged notebook and configuration."""

import os
from collections.abc import Sequence

from jupyter_core.paths import jupyter_config_path
from traitlets import default
from voila.app import Voila

from nnlib.files import app_path


class DrawingApp(Voila):
    """Voila, which takes its configuration from the packaged `voila.json`.

    The file stands where Voila would look for one in the working directory: before the user's
    own configuration, and after the flags of the command line.
    """

    @default("config_file_paths")
    def _packaged_configuration(self) -> list[str]:
        return [str(app_path("voila.json").parent), *jupyter_config_path()]


def launch(flags: Sequence[str] = ()) -> None:
    """Serve the app until it is interrupted. flags: any of Voila's, such as --port=8867.

    Raises ValueError if `flags` name another notebook.
    """
    # The kernel must be the one of this environment, which has nnlib, and not the user's own.
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    DrawingApp.launch_instance([str(app_path("app.ipynb")), *flags])
