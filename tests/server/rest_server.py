"""REST in a bare tornado application on a free port, for tests; and a client for it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from nnlib import Recognizer
from nnlib.server.rest import RestService, rest_handlers

KERNELS = {"in_use": 2, "starting": 1, "free": 5}


class RestServer:
    """A running server. send: one request → (status, headers, JSON or text)."""

    def __init__(self, port: int, service: RestService):
        self.port, self.service = port, service

    def send(self, method, path, body=None, headers=None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if content and answer.headers.get_content_type() == "application/json":
            content = json.loads(content)
        return answer.status, answer.headers, content

    def predict(self, body, path="/predict"):
        """POST JSON values, which must be accepted → the answer."""
        status, _, answer = self.send("POST", path, json.dumps(body), JSON)
        assert status == 200, answer
        return answer

    def error(self, body, path="/predict", headers=None, method="POST"):
        """Send what must be refused → (status, sentence)."""
        content = body if isinstance(body, bytes | None) else json.dumps(body)
        status, received, answer = self.send(method, path, content, headers or JSON)
        assert received.get_content_type() == "application/json"
        assert list(answer) == ["error"]
        assert "Traceback" not in answer["error"]
        return status, answer["error"]


JSON = {"Content-Type": "application/json"}


@contextmanager
def running(prefix: str = "", **options) -> Iterator[RestServer]:
    """Serve `robust` and `softmax` in a thread; options: of `RestService`."""
    service = RestService({n: Recognizer.load(n) for n in ("robust", "softmax")}, **options)
    ready, ports, stop = threading.Event(), [], None

    async def serve() -> None:
        nonlocal stop
        routes = rest_handlers(service, prefix)
        # With the cookies against forged requests, as Jupyter has them: REST needs none.
        settings = {"xsrf_cookies": True, "log_function": service.metrics.observe}
        application = Application(routes, **settings)
        server = HTTPServer(application, max_body_size=64_000)  # REST allows itself more
        [listening] = bind_sockets(0, "127.0.0.1")
        server.add_sockets([listening])
        ports.append(listening.getsockname()[1])
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        ports.append(lambda: loop.call_soon_threadsafe(stop.set))
        ready.set()
        await stop.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(30)
    port, end = ports
    try:
        yield RestServer(port, service)
    finally:
        end()
        thread.join(30)
        service.close()
