"""The kernels of the visitors: whose they are, how much they may take, when they end."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Float, Int

KERNEL_FLAGS = (
    # An error in a handler costs a tenth without a colored traceback, which nobody sees.
    "--InteractiveShell.xmode=Minimal",
    # There is no history to keep, and the home folder may be read-only.
    "--HistoryManager.enabled=False",
    # What is printed goes to the log. On its way to the page, it would make the kernel wait twice
    # for another thread after every message, printed or not.
    "--IPKernelApp.outstream_class=None",
)
# The matrix products of one drawing are too small for threads, whose stacks count as memory. The
# last one keeps a warning of ipykernel's debugger out of the log.
KERNEL_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
MAX_LINE = 2_000  # characters of what a kernel prints

output_log = logging.getLogger("nnlib.kernels")


class VisitorKernels(AsyncMappingKernelManager):
    """Jupyter's kernel manager, for kernels that each belong to one visitor's page."""

    max_loading_seconds = Float(
        90, config=True, help="How long a page may load before it connects to its kernel."
    )
    max_away_seconds = Float(
        10, config=True, help="How long a page may be disconnected: it may be closed, or lost."
    )
    max_idle_seconds = Float(
        1800, config=True, help="How long a page may be open in a tab that nobody looks at."
    )
    max_busy_seconds = Float(
        120, config=True, help="A kernel that is busy for longer hangs, and is shut down."
    )
    max_kernel_mb = Int(640, config=True, help="Address space of a kernel in MB; 0: no limit.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.making: set[str] = set()  # kernels whose pages are being made
        self._owners: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self._starts: dict[str, asyncio.Future[Any]] = {}
        self._cleaning: set[asyncio.Future[Any]] = set()
        self._deadlines: dict[str, float] = {}  # for kernels whose pages are not connected
        read_end, self._output = os.pipe()
        threading.Thread(target=log_lines, args=(read_end,), daemon=True).start()

    def owner_of(self, kernel_id: str) -> str | None:
        """The visitor that a kernel belongs to; None if it has none."""
        return self._owners.get(kernel_id)

    @property
    def n_in_use(self) -> int:
        """How many kernels have their pages finished."""
        return len(self.list_kernel_ids()) - len(self.making)

    def n_loading(self, address: str) -> int:
        """How many pages from an address have not connected to their kernels yet."""
        return sum(self._addresses.get(kernel_id) == address for kernel_id in self._deadlines)

    async def start_for(self, visitor: str, address: str, kernel_id: str, **options: Any) -> None:
        """Start a kernel for the page of a visitor.

        options: as for `start_kernel`. Raises OSError and RuntimeError.
        """
        self._owners[kernel_id], self._addresses[kernel_id] = visitor, address
        self.making.add(kernel_id)
        start = self.start_kernel(
            kernel_id=kernel_id,
            extra_arguments=[*KERNEL_FLAGS],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            **options,
        )
        # Jupyter loses sight of a process whose start is cancelled: `end` waits for it instead.
        self._starts[kernel_id] = starting = asyncio.ensure_future(start)
        starting.add_done_callback(lambda _: self._starts.pop(kernel_id, None))
        try:
            await asyncio.shield(starting)
        except Exception:
            self._pending_kernels.pop(kernel_id, None)
            self.remove_kernel(kernel_id)
            raise
        self._limit(kernel_id)

    def finish_page(self, kernel_id: str) -> None:
        """The page is made, and has to connect before long. Raises RuntimeError."""
        if kernel_id not in self:
            raise RuntimeError("The kernel died while its page was made.")
        self.making.discard(kernel_id)
        self._deadlines[kernel_id] = time.monotonic() + self.max_loading_seconds

    async def end(self, kernel_id: str) -> None:
        """Shut a kernel down at once, or as soon as it has started, if it has not gone already."""
        if starting := self._starts.get(kernel_id):
            await asyncio.wait([starting])
        with suppress(HTTPError, KeyError):
            await self.shutdown_kernel(kernel_id, now=True)

    def remove_kernel(self, kernel_id: str) -> Any:
        self.making.discard(kernel_id)
        self._owners.pop(kernel_id, None)
        self._addresses.pop(kernel_id, None)
        self._deadlines.pop(kernel_id, None)
        return super().remove_kernel(kernel_id)

    def start_watching_activity(self, kernel_id: str) -> None:
        """The page's connection notes activity; Jupyter would read every message a second time."""
        kernel: Any = self._kernels[kernel_id]
        kernel.last_activity, kernel.execution_state = datetime.now(UTC), "idle"

    def _handle_kernel_died(self, kernel_id: str) -> None:
        self.stop_watching_activity(kernel_id)
        self.stop_buffering(kernel_id)
        cleaning = asyncio.ensure_future(self._kernels[kernel_id].cleanup_resources())
        self._cleaning.add(cleaning)
        cleaning.add_done_callback(self._cleaning.discard)
        super()._handle_kernel_died(kernel_id)

    def notify_connect(self, kernel_id: str) -> None:
        self._deadlines.pop(kernel_id, None)
        super().notify_connect(kernel_id)

    def notify_disconnect(self, kernel_id: str) -> None:
        super().notify_disconnect(kernel_id)
        if self._kernel_connections.get(kernel_id) == 0:
            self._deadlines[kernel_id] = time.monotonic() + self.max_away_seconds

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """Shut a kernel down if its page is gone, if it hangs, or if nobody looks at the page."""
        kernel = self._kernels.get(kernel_id)
        if kernel is None:  # it ended while others were looked at
            return
        quiet = time.time() - kernel.last_activity.timestamp()
        limit = self.max_busy_seconds if kernel.execution_state == "busy" else self.max_idle_seconds
        is_late = time.monotonic() > self._deadlines.get(kernel_id, float("inf"))
        if is_late or (quiet > limit and kernel_id not in self.making):
            await self.end(kernel_id)

    def _limit(self, kernel_id: str) -> None:
        """Bound the kernel's memory, and let the server go before it."""
        pid = getattr(self._kernels[kernel_id].provisioner, "pid", None)
        if pid is None or not sys.platform.startswith("linux"):
            return
        import resource

        with suppress(OSError, ValueError):  # the kernel may have died already
            if self.max_kernel_mb:
                limit = self.max_kernel_mb * 2**20
                resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
            os.setpriority(os.PRIO_PROCESS, pid, 5)


def log_lines(read_end: int) -> None:
    """Log each line that arrives in a pipe."""
    with os.fdopen(read_end, encoding="utf-8", errors="replace") as lines:
        for line in iter(partial(lines.readline, MAX_LINE), ""):
            output_log.info("%s", line.rstrip())
