"""`nnlib serve`: the app and REST in one process, for strangers.

GET /              the app, or a page that waits for room       page.py, admission.py
POST /predict      and the rest of REST                         rest.py
GET /metrics       for Prometheus                               metrics.py
a kernel a page    bounded, owned by its visitor                kernels.py, connection.py
every response     limits, headers, a line in the log           http.py
"""

import asyncio
import gc
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import nbformat
import tornado.ioloop
import tornado.web
from jupyter_server.base.handlers import FileFindHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from jupyter_server.utils import url_path_join
from jupyterlab_server.themes_handler import ThemesHandler
from traitlets import Bool, Float, Int, List, TraitError, Unicode, default, validate
from traitlets.config import Config
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import AllowListFileHandler, TemplateStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from nnlib.files import app_path
from nnlib.recognition.recognizer import Recognizer
from nnlib.recognition.registry import DEFAULT_MODEL, model_names
from nnlib.server.admission import Admission
from nnlib.server.connection import MAX_FRAME
from nnlib.server.http import (
    ADDRESS_SHARE,
    BODY_TIMEOUT,
    IDLE_TIMEOUT,
    MAX_BODY,
    MAX_BUFFER,
    MAX_CONNECTIONS,
    STRANGE_PATH,
    BoundedServer,
    NothingHere,
    SafeHeaders,
    log_request,
    speak_discreetly,
)
from nnlib.server.kernels import VisitorKernels
from nnlib.server.launch import DrawingApp
from nnlib.server.machine import (
    available_mb,
    best_transport,
    make_socket_folder,
    n_processors,
    raise_open_files,
)
from nnlib.server.page import (
    LeaveHandler,
    OwnChannelsHandler,
    OwnKernelHandler,
    PageHandler,
    QueueHandler,
    RobotsHandler,
)
from nnlib.server.rest import RestService, rest_handlers

# Voila's handlers, and those that also ask whose kernel it is.
OWN_HANDLERS = {
    KernelHandler: OwnKernelHandler,
    VoilaKernelWebsocketHandler: OwnChannelsHandler,
    VoilaShutdownKernelHandler: LeaveHandler,
}

# What a kernel takes with all panels open, and what is left to the server and the system.
KERNEL_MB, SERVER_MB = 80, 400
KERNEL_FILES, SERVER_FILES = 20, 300
OWN_FILES, MIN_CONNECTIONS = 60, 100
# The extensions of JupyterLab that the page needs; others that are installed stay out of it.
EXTENSIONS = (
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
    "ipycanvas",
)
PING_MILLISECONDS = 10_000  # a page that answers none of three has gone
# On SIGTERM; the last two at most.
LAST_REQUESTS_SECONDS, REQUESTS_END_SECONDS, KERNELS_END_SECONDS = 0.5, 4.0, 4.0


class Server(DrawingApp):
    """Voila for strangers: the same page and flags, with REST beside it, and limits."""

    name = "nnlib serve"
    description = "Serve the drawing app and REST to strangers."
    aliases: ClassVar = {
        **DrawingApp.aliases,
        "ip": "Server.ip",
        "model": "Server.model",
        "hosts": "Server.hosts",
        "cors": "Server.cors_origins",
        "max-visitors": "Server.max_visitors",
    }
    flags: ClassVar = {
        **DrawingApp.flags,
        "behind-proxy": (
            {"Server": {"behind_proxy": True}},
            "Take the visitor's address from X-Forwarded-For, which a proxy must set.",
        ),
    }
    classes: ClassVar = [*DrawingApp.classes, VisitorKernels]

    model = Unicode(DEFAULT_MODEL, config=True, help="A model's name, or the path of an .npz file.")
    hosts = List(
        Unicode(),
        config=True,
        help="Names under which visitors reach the server, beside localhost, this machine's name "
        "and IP addresses. Requests for others are answered with 404.",
    )
    cors_origins = List(Unicode(), config=True, help="Sites whose scripts may use REST.")
    max_visitors = Int(config=True, help="Kernels at a time (default: what fits memory).")
    max_starting = Int(config=True, help="Pages in the making at a time (default: processors).")
    page_deadline = Float(60, config=True, help="Seconds within which a page is made, or given up.")
    behind_proxy = Bool(False, config=True, help="Take the visitor's address from the proxy.")

    @validate("hosts")
    def _split_at_commas(self, proposal: Any) -> list[str]:
        return [name.strip() for names in proposal.value for name in names.split(",")]

    @validate("cors_origins")
    def _without_slash(self, proposal: Any) -> list[str]:
        return [site.strip().rstrip("/") for sites in proposal.value for site in sites.split(",")]

    @validate("base_url")
    def _between_slashes(self, proposal: Any) -> str:
        path = proposal.value.strip("/")
        return f"/{path}/" if path else "/"

    @validate("max_visitors", "max_starting")
    def _at_least_one(self, proposal: Any) -> int:
        if proposal.value < 1:
            raise TraitError(f"{proposal.trait.name} must be 1 or more, not {proposal.value}.")
        return int(proposal.value)

    @validate("port")
    def _a_port(self, proposal: Any) -> int:
        if not 0 <= proposal.value < 2**16:
            raise TraitError(f"A port is a number up to 65535, not {proposal.value}.")
        return int(proposal.value)

    @default("max_visitors")
    def _as_many_as_fit(self) -> int:
        by_memory = int(available_mb() - SERVER_MB) // KERNEL_MB
        by_files = (self.open_files - SERVER_FILES) // KERNEL_FILES
        return max(2, min(by_memory, by_files))

    @default("max_starting")
    def _one_a_processor(self) -> int:
        return max(2, n_processors())

    @default("log_level")
    def _only_warnings(self) -> int:
        return logging.WARNING

    def initialize(self, argv: Sequence[str] | None = None) -> None:
        self.open_files = raise_open_files()
        # Below the user's configuration and flags.
        self.config = Config(
            {
                "VoilaConfiguration": {
                    "multi_kernel_manager_class": VisitorKernels,
                    "extension_allowlist": list(EXTENSIONS),
                },
                "VisitorKernels": {"cull_interval": 2},
                # A restarted kernel is bare: the page is told that it is gone instead.
                "KernelRestarter": {"restart_limit": 0, "time_to_dead": 1.0},
                # Nothing is written to the home folder, which may be read-only.
                "NotebookNotary": {"db_file": ":memory:", "secret": secrets.token_bytes(32)},
            }
        )
        super().initialize(argv)
        models = {Path(self.model).stem: self.model}
        for name in model_names():
            models.setdefault(name, name)
        self.recognizers = {name: Recognizer.load(model) for name, model in models.items()}
        if self.model.endswith(".npz"):
            self.model = os.path.abspath(self.model)
        os.environ["NNLIB_MODEL"] = self.model  # the kernels inherit it, in another folder
        speak_discreetly(self.log)

    def init_settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = super().init_settings()
        # A signed notebook, or Voila would warn at every page that it is not trusted.
        self.contents_manager.notary.sign(nbformat.read(self.notebook_path, as_version=4))
        return settings | {
            "compress_response": True,
            "cookie_secret": secrets.token_bytes(32),
            "default_handler_class": NothingHere,
            "log_function": self._log_request,
            "websocket_max_message_size": MAX_FRAME,
            "ws_ping_interval": PING_MILLISECONDS,
        }

    def init_handlers(self) -> list[Any]:
        kernels: VisitorKernels = self.kernel_manager
        self.admission = Admission(self.max_visitors, self.max_starting, lambda: kernels.n_in_use)
        queue = (self._at("/queue"), QueueHandler, {"admission": self.admission})
        robots = (self._at("/robots.txt"), RobotsHandler)
        routes = [self._guarded(*route) for route in super().init_handlers()]
        own = [queue, robots, *self._rest_routes()]
        return [(STRANGE_PATH, NothingHere), *own, *filter(None, routes)]

    def _guarded(self, path: str, handler: type, *options: Any) -> tuple[Any, ...] | None:
        """One of Voila's routes as strangers may use it; None if they have no use for it."""
        if handler in (AllowListFileHandler, ThemesHandler):
            return None
        if handler is TornadoVoilaHandler:
            more = {"admission": self.admission, "deadline": self.page_deadline}
            return self._at("/"), PageHandler, options[0] | more
        if handler is FileFindHandler:
            names = "|".join(map(re.escape, EXTENSIONS))
            return self._at(rf"/voila/labextensions/((?:{names})/static/.*[^/])"), handler, *options
        if handler is TemplateStaticFileHandler:
            template = re.escape(self.voila_configuration.template)
            return self._at(rf"/voila/templates/({template}/static/.*[^/])"), handler, *options
        return path, OWN_HANDLERS.get(handler, handler), *options

    def _rest_routes(self) -> list[Any]:
        self.rest = RestService(self.recognizers, self._count_kernels, self.cors_origins)
        return rest_handlers(self.rest, prefix=self.server_url)

    def _count_kernels(self) -> dict[str, int]:
        admission = self.admission
        in_use = self.kernel_manager.n_in_use
        return {"in_use": in_use, "starting": admission.starting, "free": admission.free}

    def _log_request(self, handler: tornado.web.RequestHandler) -> None:
        log_request(handler)
        self.rest.metrics.observe(handler)

    def _at(self, path: str) -> str:
        return str(url_path_join(self.server_url, path))

    def start(self) -> None:
        """Serve until SIGTERM or SIGINT, or exit with a sentence."""
        try:
            self.connection_dir = make_socket_folder(self.connection_dir_root)
        except OSError as error:
            self.exit_with(
                f"The folder for temporary files cannot be written to ({error.strerror}). "
                "Name another one in the environment variable TMPDIR."
            )
        self.config.KernelManager.setdefault("transport", best_transport(self.connection_dir))
        self.app = tornado.web.Application(**self.init_settings())
        self.app.settings.update(self.tornado_settings)
        self.app.transforms.append(SafeHeaders)
        self.app.add_handlers(self.host_pattern(), self.init_handlers())
        self.listen()

    def listen(self) -> None:
        """Open the port, or exit with a sentence; then serve until the loop is stopped."""
        self.ioloop = tornado.ioloop.IOLoop.current()
        self.http_server = BoundedServer(
            self.app,
            xheaders=self.behind_proxy,
            max_body_size=MAX_BODY,
            max_buffer_size=MAX_BUFFER,
            body_timeout=BODY_TIMEOUT,
            idle_connection_timeout=IDLE_TIMEOUT,
        )
        spare_files = self.open_files - KERNEL_FILES * self.max_visitors - OWN_FILES
        n_connections = min(MAX_CONNECTIONS, max(MIN_CONNECTIONS, spare_files))
        share = 1 if self.behind_proxy else ADDRESS_SHARE
        self.http_server.max_connections = n_connections
        self.http_server.max_per_address = int(share * n_connections)
        try:
            self.http_server.listen(self.port, self.ip)
        except OSError as error:
            self.stop()
            self.exit_with(f"Port {self.port} of {self.ip or 'all addresses'}: {error.strerror}.")
        signal.signal(signal.SIGINT, self._handle_signal_stop)
        print(f"The app and REST are at {self.display_url}", file=sys.stderr, flush=True)
        gc.collect()
        gc.freeze()  # so that later collections look only at what has come since
        self.ioloop.start()
        self.stop()

    def exit_with(self, sentence: str) -> None:
        self.log.critical(sentence)
        self.exit(1)

    def _handle_signal_stop(self, sig: int, frame: Any) -> None:
        self.ioloop.add_callback_from_signal(self._shut_down)

    async def _shut_down(self) -> None:
        """Take no more connections, let requests end, end the kernels."""
        self.http_server.stop()
        self.rest.ready = False
        SafeHeaders.is_closing = True
        await asyncio.sleep(LAST_REQUESTS_SECONDS)  # those that are on their way
        with suppress(TimeoutError):
            async with asyncio.timeout(REQUESTS_END_SECONDS):
                while self.admission.starting or self.rest.n_running:
                    await asyncio.sleep(0.05)
        kernels: VisitorKernels = self.kernel_manager
        with suppress(TimeoutError):
            async with asyncio.timeout(KERNELS_END_SECONDS):
                await asyncio.gather(*map(kernels.end, kernels.list_kernel_ids()))
        self.rest.close()
        self.ioloop.stop()

    def stop(self) -> None:
        shutil.rmtree(self.connection_dir, ignore_errors=True)

    def host_pattern(self) -> str:
        """A regular expression for the Host header, without the port."""
        names = ["localhost", socket.gethostname().lower(), *map(str.lower, self.hosts)]
        return rf"^(?:{'|'.join(map(re.escape, names))}|[\d.]+|\[?[0-9a-f:.]+\]?)$"


def serve(flags: Sequence[str] = ()) -> None:
    """Serve the app and REST until SIGTERM. flags: Voila's, and those of `Server`.

    Raises FileNotFoundError or ModelError for a model that is not there, or is none.
    """
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    Server.launch_instance([str(app_path("app.ipynb")), "--no-browser", *flags])
