"""REST: predictions over HTTP, in a tornado application.

POST /predict                    drawings, images or tensors → predictions
GET  /health, /models, /metrics  what runs here
GET  /v1/models/NAME             the same predictions in the KServe (TensorFlow Serving) protocol V1
POST /v1/models/NAME:predict
GET  /openapi.json, /api         for programs and for people

`request_body` checks what comes in. Whatever is wrong is answered with {"error": "a sentence"}.
Nothing is known about the client: there are no cookies, so there is nothing to forge.
"""

import asyncio
import functools
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any, ClassVar

import numpy as np
from tornado.escape import xhtml_escape
from tornado.web import HTTPError, RequestHandler, stream_request_body

from nnlib.explain.diagnostics import MEASURES, Diagnostic, diagnose
from nnlib.preprocessing.drawing import Drawing, DrawingError
from nnlib.preprocessing.images import normalize_image, shrink_image
from nnlib.preprocessing.strokes import shrink_strokes
from nnlib.recognition.recognizer import Prediction, Recognizer
from nnlib.server.metrics import CountKernels, Metrics
from nnlib.server.openapi import openapi_document
from nnlib.server.request_body import MAX_BODY, Instance, Picture, RequestError, read_request
from nnlib.version import __version__

QUICK_BODY = 16_000  # bytes: a larger body is answered in a thread
MAX_DISCARDED = 32_000_000  # bytes of a body that is too large, read so that its sender sees why
BODY_SECONDS = 20.0  # within which a body must arrive
N_THREADS = 2
MAX_LARGE_REQUESTS = 16  # that arrive, wait or are answered at a time
RETRY_SECONDS = 1
BUSY = "The server is busy with large requests. Try again in a second."
TOO_LARGE = f"The body has more than {MAX_BODY:,} bytes. Send several requests."

JSON_TYPES = frozenset(
    # curl's default with -d is the second, and many examples leave it at that.
    {"", "application/json", "application/x-www-form-urlencoded", "text/plain"}
)
SENTENCES = {
    404: "There is nothing at this address. GET /api explains what there is.",
    500: "Something went wrong in the server, not in your request.",
}


class RestService:
    """The models that are served, the threads for large requests, and what is counted.

    recognizers: by name; the first is the default. origins: web sites whose scripts may use
    REST, such as "https://example.org"; "*" for all. count_kernels: for /health and /metrics.
    ready: set it to False before shutting down, and /health answers 503.
    """

    def __init__(
        self,
        recognizers: Mapping[str, Recognizer],
        count_kernels: CountKernels | None = None,
        origins: Collection[str] = (),
    ) -> None:
        self.recognizers = dict(recognizers)
        self.default = next(iter(self.recognizers))
        self.descriptions = {
            name: describe_model(name, recognizer) for name, recognizer in recognizers.items()
        }
        self.count_kernels, self.origins = count_kernels, frozenset(origins)
        self.metrics = Metrics(count_kernels)
        self.ready = True
        self.n_running = 0  # requests that are being answered
        self.n_large = 0  # requests that arrive, wait or are answered, among those for threads
        self._threads = ThreadPoolExecutor(N_THREADS, "nnlib-rest")

    async def in_thread(self, body: bytes, model: str | None = None) -> bytes:
        """As `answer`, without holding up other requests."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self.answer, body, model)

    def answer(self, body: bytes, model: str | None = None) -> bytes:
        """A request's body → the JSON answer. model: from the address, if it names one.

        Raises HTTPError 404 for an unknown model; RequestError or DrawingError.
        """
        if model is not None:
            self.check_model(model)
        request = read_request(body)
        name = model or request.model or self.default
        self.check_model(name)
        predictions = predict(self.recognizers[name], request.instances)
        self.metrics.count_predictions(p.digit if p.is_digit else "none" for p in predictions)
        answers = describe_predictions(predictions, request.diagnostics)
        return to_json({"predictions": answers, "model": self.descriptions[name]})

    def check_model(self, name: str) -> None:
        """Raises HTTPError 404 unless the model is served."""
        if name not in self.recognizers:
            raise Refusal(
                404, f"There is no model {name[:50]!r} here, but {', '.join(self.recognizers)}."
            )

    def close(self) -> None:
        """End the threads, once they have answered what they have begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def predict(recognizer: Recognizer, instances: list[Instance]) -> list[Prediction]:
    """The Prediction of each instance, which go through the network together."""
    inputs, draws = [], []
    for instance in instances:
        draw: Callable[[], np.ndarray]
        if isinstance(instance, Drawing):
            strokes, canvas, pen = instance.strokes, instance.canvas, instance.pen
            image = recognizer.preprocess(strokes, canvas, pen)
            draw = functools.partial(shrink_strokes, strokes, canvas, pen)
        elif isinstance(instance, Picture):
            image = normalize_image(instance.ink)
            draw = functools.partial(shrink_image, instance.ink)
        else:
            image = instance.input
            draw = functools.partial(np.asarray, image)
        inputs.append(image)
        draws.append(draw)
    stacked = np.asarray(inputs, np.float32)
    rows, digit_probabilities = recognizer.answer(stacked)
    return [
        Prediction(*parts)
        for parts in zip(
            rows.argmax(axis=1).tolist(),
            rows,
            stacked,
            draws,
            digit_probabilities.tolist(),
            strict=True,
        )
    ]


def describe_predictions(predictions: list[Prediction], diagnostics: bool) -> list[dict[str, Any]]:
    """The predictions as JSON values, probabilities to nine decimals."""
    rows = np.array([prediction.probabilities for prediction in predictions], np.float64)
    described: list[dict[str, Any]] = [
        {
            "digit": p.digit,
            "confidence": row[p.digit],
            "probabilities": row,
            "is_digit": p.is_digit,
            "digit_probability": round(p.digit_probability, 9),
        }
        for p, row in zip(predictions, rows.round(9).tolist(), strict=True)
    ]
    if diagnostics:
        for prediction, values in zip(predictions, described, strict=True):
            values["diagnostics"] = list(map(describe_diagnostic, diagnose(prediction)))
    return described


def describe_diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as JSON values."""
    return {
        "name": diagnostic.name,
        "unit": MEASURES[diagnostic.name].unit,
        "as_drawn": diagnostic.as_drawn,
        "input": diagnostic.input,
        "low": diagnostic.low,
        "high": diagnostic.high,
        "state": diagnostic.state,
        "summary": diagnostic.summary,
        "advice": diagnostic.advice,
    }


def describe_model(name: str, recognizer: Recognizer) -> dict[str, Any]:
    """{"name", "id", "version"}: a hash of the model, and the version of nnlib that wrote it."""
    network = recognizer.network
    content = repr(network).encode() + network.parameters.tobytes()
    return {
        "name": name,
        "id": str(network.info.get("id") or hashlib.sha256(content).hexdigest()[:12]),
        "version": network.info.get("library"),
    }


class Refusal(HTTPError):
    """An HTTPError whose sentence the client is told."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status)
        self.sentence = sentence


class RestHandler(RequestHandler):
    """What all handlers of REST have in common. route: the name its requests are counted under."""

    SUPPORTED_METHODS: tuple[str, ...] = ("GET", "HEAD", "OPTIONS")
    route: ClassVar[str]

    def initialize(self, service: RestService) -> None:
        self.service = service
        self._allow_origin()

    def check_xsrf_cookie(self) -> None:
        """There are no cookies here, and so nothing that another site could misuse."""

    def set_default_headers(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")

    def _allow_origin(self) -> None:
        if origins := self.service.origins:
            self.set_header("Vary", "Origin")
            origin = self.request.headers.get("Origin")
            if origin and origins & {origin, "*"}:
                self.set_header("Access-Control-Allow-Origin", origin)

    def head(self, *arguments: str) -> None:
        """As GET; tornado leaves the body out."""
        self.get(*arguments)

    def options(self, *arguments: str) -> None:
        """What a browser asks before a script of another site may send JSON."""
        methods = ", ".join(self.SUPPORTED_METHODS)
        self.set_header("Allow", methods)
        if "Access-Control-Allow-Origin" in self._headers:
            self.set_header("Access-Control-Allow-Methods", methods)
            self.set_header("Access-Control-Allow-Headers", "Content-Type")
            self.set_header("Access-Control-Max-Age", "600")
        self.set_status(204)

    def write_error(self, status_code: int, **details: Any) -> None:
        """{"error": "a sentence"}, never a traceback."""
        self._allow_origin()
        error = details.get("exc_info", (None, None, None))[1]
        if status_code == 405:
            methods = ", ".join(self.SUPPORTED_METHODS)
            self.set_header("Allow", methods)
            sentence = f"{self.request.method} does nothing here. Possible are {methods}."
        elif isinstance(error, Refusal):
            sentence = error.sentence
        else:
            sentence = SENTENCES.get(status_code, f"The request is refused: {self._reason}.")
        if status_code == 503:
            self.set_header("Retry-After", str(RETRY_SECONDS))
        self.finish(to_json({"error": sentence}))


@stream_request_body
class PredictHandler(RestHandler):
    """`POST /predict` and `POST /v1/models/NAME:predict`.

    A body is taken in pieces, up to `MAX_BODY`. What is refused before it has arrived is read to
    its end all the same and thrown away: a client that is still sending would miss the answer.
    """

    SUPPORTED_METHODS: tuple[str, ...] = ("POST", "OPTIONS")
    route = "predict"

    def initialize(self, service: RestService) -> None:
        super().initialize(service)
        self._body, self._n_discarded = bytearray(), 0
        self._refusal: Refusal | None = None
        self._has_place = self._answering = False

    def prepare(self) -> None:
        connection: Any = self.request.connection
        connection.set_max_body_size(2 * MAX_DISCARDED)
        connection.set_body_timeout(BODY_SECONDS)
        headers = self.request.headers
        content_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        encoding = headers.get("Content-Encoding", "identity")
        length = headers.get("Content-Length", "")
        n_bytes = MAX_BODY if "Transfer-Encoding" in headers else 0
        if length.isdecimal():
            n_bytes = int(length[:20])  # of more digits, the first ones are too many already
        if content_type not in JSON_TYPES and not content_type.endswith("+json"):
            self._refuse(
                415,
                f"The body must be JSON, not {content_type[:50]}: send Content-Type: "
                'application/json. An image goes into it as {"image": "base64 of a PNG"}.',
            )
        elif encoding.lower() != "identity":
            self._refuse(415, f"The body must not be compressed ({encoding[:20]}): send it as is.")
        elif n_bytes > MAX_BODY:
            self._refuse(413, TOO_LARGE)
        elif n_bytes > QUICK_BODY:
            self._take_place()
        if n_bytes > MAX_DISCARDED:
            raise Refusal(413, TOO_LARGE)

    def data_received(self, chunk: bytes) -> None:
        if self._refusal is None:
            self._body += chunk
            if len(self._body) > MAX_BODY:
                self._refuse(413, TOO_LARGE)
        else:
            self._n_discarded += len(chunk)
            if self._n_discarded > MAX_DISCARDED and not self._finished:
                self.send_error(413, exc_info=(Refusal, Refusal(413, TOO_LARGE), None))

    async def post(self, model: str | None = None) -> None:
        service, body = self.service, bytes(self._body)
        self._answering = True
        service.n_running += 1
        try:
            quick = is_quick(body)
            if not quick and not self._has_place:
                self._take_place()
            if self._refusal is not None:
                raise self._refusal
            answer = service.answer(body, model) if quick else await service.in_thread(body, model)
        except (RequestError, DrawingError) as error:
            raise Refusal(400, str(error)) from None
        finally:
            service.n_running -= 1
            self._give_place_back()
        self.finish(answer)

    def on_connection_close(self) -> None:
        """The client has left. If a thread is at work for it, its place is not free yet."""
        if not self._answering:
            self._give_place_back()

    def _refuse(self, status: int, sentence: str) -> None:
        self._refusal, self._body = Refusal(status, sentence), bytearray()

    def _take_place(self) -> None:
        if self.service.n_large >= MAX_LARGE_REQUESTS:
            self._refuse(503, BUSY)
        else:
            self.service.n_large += 1
            self._has_place = True

    def _give_place_back(self) -> None:
        self.service.n_large -= self._has_place
        self._has_place = False


def is_quick(body: bytes) -> bool:
    """Whether a body is answered in a few milliseconds at most, so that no thread is needed.

    That is: at most 200 points, one drawing or picture, and no PNG. The base64 of every PNG
    begins with "iVBOR", and only a backslash could hide it.
    """
    return (
        len(body) <= QUICK_BODY
        and body.count(b"[") <= 200
        and body.count(b"{") <= 2
        and b"iVBOR" not in body
        and b"\\" not in body
    )


class HealthHandler(RestHandler):
    """`GET /health`: 200 and {"live", "ready", "version", "model", "kernels"?}, or 503."""

    route = "health"

    def get(self) -> None:
        service = self.service
        health: dict[str, Any] = {
            "live": True,
            "ready": service.ready,
            "version": __version__,
            "model": service.descriptions[service.default],
        }
        if service.count_kernels is not None:
            health["kernels"] = dict(service.count_kernels())
        self.set_status(200 if service.ready else 503)
        self.finish(to_json(health))


class ModelsHandler(RestHandler):
    """`GET /models`: {"models": [{"name", "id", "version"}, …]}, the default first."""

    route = "models"

    def get(self) -> None:
        self.finish(to_json({"models": list(self.service.descriptions.values())}))


class V1ModelsHandler(RestHandler):
    """`GET /v1/models`: {"models": ["NAME", …]}."""

    route = "v1"

    def get(self) -> None:
        self.finish(to_json({"models": list(self.service.recognizers)}))


class V1ModelHandler(RestHandler):
    """`GET /v1/models/NAME`: {"name", "ready"}."""

    route = "v1"

    def get(self, model: str) -> None:
        self.service.check_model(model)
        self.finish(to_json({"name": model, "ready": self.service.ready}))


class MetricsHandler(RestHandler):
    """`GET /metrics`, for Prometheus."""

    route = "metrics"

    def get(self) -> None:
        self.set_header("Content-Type", self.service.metrics.content_type)
        self.finish(self.service.metrics.text())


class OpenApiHandler(RestHandler):
    """`GET /openapi.json`: an OpenAPI 3.1 document."""

    route = "docs"

    def get(self) -> None:
        self.finish(to_json(openapi_document(list(self.service.recognizers))))


class ApiPageHandler(RestHandler):
    """`GET /api`: how to use it, with curl and Python to copy."""

    route = "docs"

    def get(self) -> None:
        base = self.request.full_url().partition("?")[0].removesuffix("/api")
        page = files("nnlib.server").joinpath("api.html").read_text("utf-8")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(
            page.replace("BASE_URL", xhtml_escape(base)).replace("MODEL", self.service.default)
        )


class NothingHandler(RestHandler):
    """404 for what begins like an address of REST and is none."""

    SUPPORTED_METHODS: tuple[str, ...] = RequestHandler.SUPPORTED_METHODS
    route = "unknown"

    def prepare(self) -> None:
        raise HTTPError(404)


def rest_handlers(service: RestService, prefix: str = "") -> list[Any]:
    """The routes, for a tornado Application. prefix: "/base" below a sub-path.

    Its `log_function` should call `service.metrics.observe(handler)`.
    """
    name = "([^/:]+?)"
    routes: dict[str, type[RestHandler]] = {
        "/predict": PredictHandler,
        "/health": HealthHandler,
        "/models": ModelsHandler,
        "/metrics": MetricsHandler,
        "/openapi.json": OpenApiHandler,
        "/api": ApiPageHandler,
        "/v1/models": V1ModelsHandler,
        f"/v1/models/{name}(?::|%3[aA])predict": PredictHandler,
        f"/v1/models/{name}": V1ModelHandler,
        "/v1/.*": NothingHandler,
    }
    start = re.escape(prefix.rstrip("/"))
    return [(start + path, handler, {"service": service}) for path, handler in routes.items()]


def to_json(value: object) -> bytes:
    """The value as JSON, where NaN would be an error."""
    return json.dumps(value, allow_nan=False).encode()
