"""The server's HTTP: limits on connections and bodies, headers for safety, a log line a request."""

import json
import logging
import re
import sys
import time
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream
from tornado.web import HTTPError, OutputTransform, RequestHandler

from nnlib.server.connection import TokenBucket

MAX_BODY = 64 * 1024  # bytes; the handlers of REST allow themselves more
MAX_BUFFER = 16 * 1024 * 1024  # bytes of a body that its handler takes in pieces
MAX_UNREAD = 4 * 1024 * 1024  # bytes that a client may leave unread
MAX_CONNECTIONS = 2_000
ADDRESS_SHARE = 0.5  # of the connections; a browser opens six, and a class may have one address
BODY_TIMEOUT, IDLE_TIMEOUT = 20.0, 20.0  # seconds; the second also bounds a request's header
CACHE_SECONDS = 3600

# Voila's page has scripts of its own, and its widgets compile code for their schemas.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "nnlib",
}
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STATIC = re.compile(r"/voila/(static|templates|labextensions|api/themes)/")
# Ids of kernels, and of sessions and widgets, which are written without hyphens.
KERNEL_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
MAX_LINE = 4_000  # characters of a log line
STRANGE_PATH = r".*(?:%00|%0[ad]|%2e%2e|\.\.|%5c|\\|//).*"

access_log = logging.getLogger("nnlib.access")


class BoundedServer(HTTPServer):
    """tornado's server, with a bound on connections, and on those of one address.

    max_connections, max_per_address: websockets do not count; kernels bound those.
    """

    max_connections = MAX_CONNECTIONS
    max_per_address = int(ADDRESS_SHARE * MAX_CONNECTIONS)

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        contexts: list[Any] = [connection.context for connection in self._connections]
        same = sum(context.address[:1] == address[:1] for context in contexts)
        if same >= self.max_per_address or len(contexts) >= self.max_connections:
            stream.close()
            return
        stream.set_nodelay(True)
        stream.max_write_buffer_size = MAX_UNREAD
        super().handle_stream(stream, address)


class SafeHeaders(OutputTransform):
    """Puts the headers for safety on every response, and lets browsers keep static files.

    is_closing: set while the server ends, so that clients do not send more on their connections.
    """

    is_closing = False

    def __init__(self, request: Any) -> None:
        self._path = request.path

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        is_file = status_code in (200, 304) and STATIC.search(self._path) is not None
        for name, value in (SECURITY_HEADERS | ({} if is_file else PAGE_HEADERS)).items():
            headers[name] = value
        if is_file:
            headers["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
            # A page has about a hundred files, each of which would repeat what only pages need.
            for name in ("Content-Security-Policy", "Set-Cookie"):
                headers.pop(name, None)
        if self.is_closing:
            headers["Connection"] = "close"
        return status_code, headers, chunk


class PlainErrors(RequestHandler):
    """A handler that answers an error with one line of text."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {self._reason}.\n")


class NothingHere(PlainErrors):
    """404 for whatever is not served, paths that confuse the file system among them."""

    def prepare(self) -> None:
        raise HTTPError(404)


def log_request(handler: RequestHandler) -> None:
    """One line of JSON for a request: no query, no kernel ids, no drawings."""
    request = handler.request
    line = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "method": request.method,
        "path": KERNEL_ID.sub("KERNEL", request.path)[:200],
        "status": handler.get_status(),
        "ms": round(1000 * request.request_time(), 1),
        "address": request.remote_ip,
    }
    access_log.info(json.dumps(line))


def speak_discreetly(*loggers: logging.Logger) -> None:
    """Send log lines to the terminal, without what strangers put into them."""
    for name in ("nnlib.access", "nnlib.kernels"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.StreamHandler(sys.stderr))
        logger.setLevel(logging.INFO)
        logger.propagate = False
        loggers = (*loggers, logger)
    logging.getLogger("tornado").setLevel(logging.ERROR)  # a stranger's half request is no news
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        handler.addFilter(DiscreetFilter())


class DiscreetFilter(logging.Filter):
    """Takes kernel ids and control characters out of log lines, and drops floods of them."""

    def __init__(self, lines_per_second: float = 50, burst: float = 500) -> None:
        super().__init__()
        self._bucket = TokenBucket(lines_per_second, burst)

    def filter(self, record: logging.LogRecord) -> bool:
        if not self._bucket.take(1):
            return False
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        text = KERNEL_ID.sub("KERNEL", text)[:MAX_LINE].translate(CONTROL)
        record.msg, record.args, record.exc_info, record.exc_text = text, (), None, None
        return True


CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
