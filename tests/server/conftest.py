"""A running `nnlib serve`, and visitors, for the tests that attack it and those that do not."""

import asyncio
import threading

import pytest
from served import serving
from visitor import Visitor, fetch


@pytest.fixture(scope="session")
def served():
    """A server for at most six visitors, of whom two may come at the same time."""
    with serving("--max-visitors=6", "--Server.max_starting=2") as running:
        yield running


@pytest.fixture(scope="session")
def run():
    """Runs a coroutine in the loop in which the visitors live."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def run_there(coroutine, timeout: float = 40):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout)

    yield run_there
    loop.call_soon_threadsafe(loop.stop)


@pytest.fixture
def enter(served, run):
    """A function that lets a visitor in; all leave at the end of the test."""
    visitors = []

    def enter_there() -> Visitor:
        visitors.append(run(Visitor.enter(served.address)))
        return visitors[-1]

    yield enter_there
    for visitor in visitors:
        run(visitor.leave())


@pytest.fixture(scope="session")
def get(served, run):
    """A function that sends a request to a path, with `fetch`'s options."""

    def get_there(path: str, **options):
        return run(fetch(served.address + path.lstrip("/"), **options))

    return get_there
