"""What the server counts, for Prometheus: requests, latencies, predictions by digit, kernels."""

import functools
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from tornado.web import RequestHandler

KERNEL_STATES = ("in_use", "starting", "free")
LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
APP_ROUTE = "app"  # handlers without a name of their own

# Counts kernels: {"in_use": 3, "starting": 1, "free": 20}.
CountKernels = Callable[[], Mapping[str, int]]


class Metrics:
    """Counters in a registry of their own, so that a process can have several servers.

    count_kernels: asked whenever Prometheus asks; None for a server without kernels.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, count_kernels: CountKernels | None = None) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "nnlib_requests", "Answered requests", ["route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "nnlib_request_seconds",
            "Time from a request's headers to its answer",
            ["route"],
            buckets=LATENCIES,
            registry=self.registry,
        )
        self._digits = Counter(
            "nnlib_predictions", "Predictions over REST", ["digit"], registry=self.registry
        )
        for digit in [*range(10), "none"]:
            self._digits.labels(digit)
        if count_kernels is not None:
            kernels = Gauge(
                "nnlib_kernels", "Kernels of the app", ["state"], registry=self.registry
            )
            for state in KERNEL_STATES:
                kernels.labels(state).set_function(functools.partial(_count, count_kernels, state))

    def observe(self, handler: RequestHandler) -> None:
        """Count a request that has been answered: call it in tornado's `log_function`.

        Handlers with a `route` are counted under that name, which must not come from visitors.
        """
        route = getattr(handler, "route", APP_ROUTE)
        self._requests.labels(route, handler.get_status()).inc()
        self._seconds.labels(route).observe(handler.request.request_time())

    def count_predictions(self, digits: Iterable[int | str]) -> None:
        """Count the answers of a request, digits or "none". Threads may call it."""
        for digit, n in Counts(digits).items():
            self._digits.labels(digit).inc(n)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)


def _count(count_kernels: CountKernels, state: str) -> float:
    return count_kernels()[state]
