"""The app's page for strangers: a visitor gets in, waits, or is told why not."""

import asyncio
import gc
import json
import os
import secrets
import uuid
from importlib.resources import files
from typing import Any, cast

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado.iostream import StreamBufferFullError
from tornado.web import HTTPError, RequestHandler, authenticated
from tornado.websocket import WebSocketClosedError
from voila.handler import VoilaHandler
from voila.notebook_renderer import NotebookRenderer
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler
from voila.utils import get_page_config

from nnlib.server.admission import Admission, Full
from nnlib.server.http import PlainErrors
from nnlib.server.kernels import KERNEL_ENVIRONMENT, VisitorKernels

VISITOR_COOKIE = "nnlib-visitor"
RETRY_SECONDS = 2
NOTICE_SECONDS = 0.01  # after the last busy moment, to notice that the visitor has left meanwhile
WIDGET = "application/vnd.jupyter.widget-view+json"  # what a page with an app in it contains
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Draw a digit</title>
<p style="font: 18px/1.5 system-ui, sans-serif; max-width: 32em; margin: 15vh auto">{}
<a href="">Try again</a>"""
TOO_LATE = "The app did not start in time, because the server is busy."
FAILED = "The app could not be started."
CROWDED = "Too many people are waiting already."


class PageHandler(PlainErrors, VoilaHandler):
    """`GET /`: the app, once there is room for a kernel; else a page that waits for it.

    The page is sent when it is finished. So a page that fails has a status that says so.
    """

    def initialize(self, admission: Admission, deadline: float, **kwargs: Any) -> None:
        """deadline: seconds within which the page is made, or given up."""
        super().initialize(**kwargs)
        self._admission, self._deadline = admission, deadline
        self._making: asyncio.Future[str] | None = None

    @authenticated
    async def get(self, path: str | None = None) -> None:
        refuse_embedding(self)
        self.set_header("Cache-Control", "no-store")
        n_loading = kernels_of(self).n_loading(str(self.request.remote_ip))
        may_enter = n_loading < self._admission.max_loading
        try:
            ticket = self._admission.enter(self.get_query_argument("ticket", None), may_enter)
        except Full:
            self._finish_without_app(CROWDED)
            return
        if ticket is not None:
            self._wait(ticket)
            return
        kernel_id = str(uuid.uuid4())
        page, sentence = None, ""
        try:
            self._making = asyncio.ensure_future(self._make(kernel_id))
            page = await asyncio.wait_for(self._making, self._deadline)
        except TimeoutError:
            sentence = TOO_LATE
        except asyncio.CancelledError:  # the visitor left
            return
        except Exception as error:
            self.log.error("A page could not be made: %r", error)
            sentence = FAILED
        finally:
            try:
                if page is None:
                    await kernels_of(self).end(kernel_id)
            finally:
                self._admission.leave_start()
                # What made the page is a thousand objects in cycles, which would pile up for long.
                gc.collect()
        if page is None:
            self._finish_without_app(sentence)
        else:
            self.finish(page)

    def head(self, path: str | None = None) -> None:
        """That the server is there, without a kernel: some monitors ask so."""

    async def _make(self, kernel_id: str) -> str:
        """The page, with a kernel behind it. Raises RuntimeError if the app is not in it."""
        kernels = kernels_of(self)
        visitor = self.get_cookie(VISITOR_COOKIE) or secrets.token_urlsafe(24)
        self.set_cookie(VISITOR_COOKIE, visitor, httponly=True, samesite="Lax", path=self.base_url)
        renderer = NotebookRenderer(
            request_handler=self,
            traitlet_config=self.traitlet_config,
            notebook_path=self.notebook_path,
            template_paths=self.template_paths,
            config_manager=self.config_manager,
            contents_manager=self.contents_manager,
            kernel_spec_manager=self.kernel_spec_manager,
            base_url=self.base_url,
            voila_configuration=self.voila_configuration,
            page_config=get_page_config(
                self.base_url, self.settings, self.log, self.voila_configuration
            ),
        )
        await renderer.initialize()
        await kernels.start_for(
            visitor,
            str(self.request.remote_ip),
            kernel_id,
            kernel_name=renderer.notebook.metadata.kernelspec.name,
            path="",
            env=os.environ | KERNEL_ENVIRONMENT,
        )
        try:
            page: str = await renderer.generate_content_str(
                kernel_id, kernels.get_kernel(kernel_id)
            )
        except BaseException:
            if renderer.kernel_started:
                renderer.executor.kc.stop_channels()
            raise
        if WIDGET not in page:
            raise RuntimeError("The notebook's cells ran, but the app is not in the page.")
        await asyncio.sleep(NOTICE_SECONDS)
        kernels.finish_page(kernel_id)
        return page

    def _wait(self, ticket: str) -> None:
        page = files("nnlib.server").joinpath("waiting.html").read_text("utf-8")
        page = page.replace("TICKET", ticket).replace("BASE", self.base_url)
        self._finish_without_app(page=page)

    def _finish_without_app(self, sentence: str = "", page: str | None = None) -> None:
        self.set_status(503)
        self.set_header("Retry-After", str(RETRY_SECONDS))
        self.finish(PAGE.format(sentence) if page is None else page)

    def on_connection_close(self) -> None:
        """The visitor left before the page was finished: nobody will use its kernel."""
        super().on_connection_close()
        if self._making is not None:
            self._making.cancel()


class QueueHandler(PlainErrors):
    """`GET /queue?ticket=…`: how many have to go in first."""

    def initialize(self, admission: Admission) -> None:
        self._admission = admission

    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "application/json")
        place = self._admission.place(self.get_query_argument("ticket", None))
        self.finish(json.dumps({"before_you": place}))


class RobotsHandler(PlainErrors):
    """`GET /robots.txt`: search engines stay away. Every page that they load starts a kernel."""

    def get(self) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("User-agent: *\nDisallow: /\n")


class LeaveHandler(PlainErrors, JupyterHandler):
    """`POST /voila/api/shutdown/KERNEL`: a tab that is closed gives its kernel back.

    Browsers send it as a beacon, which cannot carry the token against cross-site requests. The
    visitor's cookie, which other sites' requests do not carry, stands in for it.
    """

    def check_xsrf_cookie(self) -> None:
        """The cookie of the visitor is checked in `post`."""

    async def post(self, kernel_id: str) -> None:
        refuse_strangers(self, kernel_id)
        if not self.check_origin():
            raise HTTPError(404)
        await kernels_of(self).end(kernel_id)
        self.set_status(204)
        self.finish()


class OwnKernelHandler(PlainErrors, KernelHandler):
    """Jupyter's handler of a kernel, for the visitor whose kernel it is."""

    async def prepare(self, **options: Any) -> None:
        refuse_strangers(self, self.path_kwargs["kernel_id"])
        await super().prepare(**options)


class OwnChannelsHandler(PlainErrors, VoilaKernelWebsocketHandler):
    """The websocket between a page and its kernel, for the visitor whose kernel it is."""

    async def prepare(self, **options: Any) -> None:
        refuse_strangers(self, self.path_kwargs["kernel_id"])
        await ensure_async(super().prepare(**options))
        if not self.check_origin():
            raise HTTPError(403)

    async def on_message(self, ws_message: str | bytes) -> None:
        """Pass a message on to the kernel; take the next one when it is not too far behind."""
        if self.connection is not None:
            self.connection.handle_incoming_message(ws_message)
            await self.connection.wait_for_kernel()

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Send a message to the page; end the connection if the page does not take them."""
        try:
            return super().write_message(message, binary)
        except WebSocketClosedError:  # it left while the message was on its way
            return None
        except StreamBufferFullError:
            self.ws_connection.stream.close()
            return None


def kernels_of(handler: JupyterHandler) -> VisitorKernels:
    """The server's kernel manager."""
    return cast(VisitorKernels, handler.kernel_manager)


def refuse_strangers(handler: JupyterHandler, kernel_id: str) -> None:
    """Raise HTTPError 404 unless the kernel belongs to this visitor."""
    owner = kernels_of(handler).owner_of(kernel_id)
    if owner is None or owner != handler.get_cookie(VISITOR_COOKIE):
        raise HTTPError(404)


def refuse_embedding(handler: RequestHandler) -> None:
    """Raise HTTPError 403 for a page load that another site's page has embedded.

    Each load starts a kernel: eight images of another site would start eight.
    """
    headers = handler.request.headers
    site, mode = headers.get("Sec-Fetch-Site", "none"), headers.get("Sec-Fetch-Mode", "navigate")
    destination = headers.get("Sec-Fetch-Dest", "document")
    if site == "cross-site" and (mode != "navigate" or destination != "document"):
        raise HTTPError(403, "Another site must not embed this page.")
