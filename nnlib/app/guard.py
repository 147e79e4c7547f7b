"""What every handler of a browser event is wrapped in: one BLAS thread, and errors reported."""

import logging
import sys
from collections.abc import Callable
from html import escape

import ipywidgets as widgets
from threadpoolctl import ThreadpoolController

Handler = Callable[..., None]
Guard = Callable[[Handler], Handler]

log = logging.getLogger("nnlib.app")


def log_to_terminal() -> None:
    """Send the log to the server's terminal, unless it has a handler already.

    In a kernel, `sys.stderr` goes to the page and would be hidden there; `sys.__stderr__` does not.
    """
    if not log.handlers:
        log.addHandler(logging.StreamHandler(sys.__stderr__))


def make_guard(status: widgets.HTML) -> Guard:
    """A guard for event handlers: errors appear in `status` as a sentence, in the log in full.

    Jupyter hides an exception in a widget's handler. A guarded handler also runs in one BLAS
    thread: the matrix products here are so small that several threads would only wait for each
    other, and take the processors from the browser and from other visitors.
    """
    blas = ThreadpoolController()

    def guard(handler: Handler) -> Handler:
        def guarded(*arguments: object) -> None:
            try:
                with blas.limit(limits=1, user_api="blas"):
                    handler(*arguments)
            except Exception as error:
                log.exception("A handler of the drawing app failed.")
                reason = str(error) if isinstance(error, ValueError) else ""
                status.value = (
                    "<p>Something went wrong with this drawing. "
                    f"{escape(reason)} You can keep drawing, or press Clear.</p>"
                )

        return guarded

    return guard
