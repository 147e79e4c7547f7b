"""How many strangers does `nnlib serve` bear? Drawing, crowds, comings and goings, dying kernels.

    python benchmarks/serve.py            five minutes on two cores
    python benchmarks/serve.py draw crowd     some of: draw, crowd, come-and-go, kills

The visitors are raw websocket clients that speak as the page does; they run on the same machine
as the server, and take some of its time. Needs the test extra.
"""

import asyncio
import os
import random
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from helpers import SEVEN
from served import Served, serving
from tornado.websocket import WebSocketClosedError
from visitor import Visitor, fetch

MOVES_PER_SECOND = 60
LOOKING_SECONDS = (1, 4)  # between two drawings, which take a second each
FILE = "voila/static/voila.js"
KERNEL_DIED = 1001  # with which the server closes a socket


async def draw_and_clear(visitor: Visitor, seconds: list[float]) -> bool:
    """Whether the drawing was recognized; the time from pen-up to the answer goes to `seconds`."""
    seconds.append(await visitor.draw(SEVEN, interval=1 / MOVES_PER_SECOND))
    is_right = visitor.digit == "7"
    await visitor.press("nnlib-clear")
    return is_right


def processor_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def megabytes(served: Served) -> float:
    return served.process.memory_info().rss / 1e6


def describe(seconds: list[float]) -> str:
    p50, p95, p99 = np.percentile(np.array(seconds) * 1000, [50, 95, 99])
    return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms"


async def draw(served: Served, n_visitors: int = 20, n_drawings: int = 8) -> None:
    """Visitors draw, look at the answer, and draw again, each as fast as a hand and an eye do."""
    visitors = [await Visitor.enter(served.address) for _ in range(n_visitors)]
    processes = [served.process, *served.kernels()]
    pss = [kernel.memory_full_info().pss / 1e6 for kernel in processes[1:]]
    seconds: list[float] = []
    busy, start = processor_seconds(processes), time.perf_counter()

    async def one(visitor: Visitor) -> int:
        lost = 0
        for _ in range(n_drawings):
            await asyncio.sleep(random.uniform(*LOOKING_SECONDS))
            lost += not await draw_and_clear(visitor, seconds)
        return lost

    lost = sum(await asyncio.gather(*map(one, visitors)))
    busy = processor_seconds(processes) - busy
    share = busy / n_visitors / (time.perf_counter() - start)
    print(f"{n_visitors} visitors drawing at once: pen-up to answer {describe(seconds)};")
    print(f"    {lost} of {len(seconds)} drawings lost; {max(pss):.0f} MB PSS a kernel at most,")
    print(f"    {share:.1%} of a core a visitor")
    await asyncio.gather(*(visitor.leave() for visitor in visitors))


async def crowd(served: Served, n_loads: int = 60) -> None:
    """Page loads at the same time, while a bystander asks for a file and draws."""
    bystander = await Visitor.enter(served.address)
    pings: list[float] = []
    drawing: list[float] = []

    async def stand_by() -> None:
        while True:
            start = time.perf_counter()
            await fetch(served.address + FILE)
            pings.append(time.perf_counter() - start)
            await draw_and_clear(bystander, drawing)

    async def one() -> tuple[int, float]:
        first = (await fetch(served.address)).code
        start = time.perf_counter()
        visitor = await Visitor.enter(served.address)
        seconds = time.perf_counter() - start
        await visitor.leave()
        return first, seconds

    standing = asyncio.ensure_future(stand_by())
    arrivals = await asyncio.gather(*(one() for _ in range(n_loads)))
    standing.cancel()
    codes = [code for code, _ in arrivals]
    print(
        f"{n_loads} page loads at once: {codes.count(200)} got the app, {codes.count(503)} the "
        f"waiting page, {len(codes) - codes.count(200) - codes.count(503)} something else;"
    )
    print(f"    all were in after {max(seconds for _, seconds in arrivals):.0f} s; a bystander's")
    print(f"    file took at most {max(pings) * 1000:.0f} ms, the answer {describe(drawing)}")
    await bystander.leave()


async def come_and_go(served: Served, n_visitors: int = 200, at_once: int = 4) -> None:
    """Visitors arrive, draw and leave; a quarter of them without a word."""
    queue = list(range(n_visitors))
    lost = 0

    async def keep_coming() -> None:
        nonlocal lost
        while queue:
            number = queue.pop()
            visitor = await Visitor.enter(served.address)
            await visitor.draw(SEVEN)
            lost += visitor.digit != "7"
            await (visitor.crash() if number % 4 == 0 else visitor.leave())

    await Visitor.leave(await Visitor.enter(served.address))
    before, start = megabytes(served), time.perf_counter()
    await asyncio.gather(*(keep_coming() for _ in range(at_once)))
    seconds = time.perf_counter() - start
    await asyncio.sleep(15)
    growth = megabytes(served) - before
    print(f"{n_visitors} visitors arriving and leaving in {seconds:.0f} s: {lost} got no answer;")
    print(f"    {len(served.kernels())} kernels are left, the server grew by {growth:.0f} MB")


async def kills(served: Served, n_visitors: int = 8, n_kills: int = 60) -> None:
    """A random kernel is killed every second; its visitor loads the page again."""
    failures, drawn = 0, 0
    seconds: list[float] = []
    stop = asyncio.Event()

    async def one() -> None:
        nonlocal failures, drawn
        while not stop.is_set():
            visitor = await Visitor.enter(served.address)
            try:
                while not stop.is_set():
                    failures += not await draw_and_clear(visitor, seconds)
                    drawn += 1
            except (WebSocketClosedError, asyncio.CancelledError):
                await asyncio.sleep(0.1)
                failures += visitor.socket.close_code != KERNEL_DIED
            with suppress(Exception):
                await visitor.leave()

    visitors = [asyncio.ensure_future(one()) for _ in range(n_visitors)]
    await asyncio.sleep(10)
    for _ in range(n_kills):
        await asyncio.sleep(1)
        if running := served.kernels():
            with suppress(ProcessLookupError):
                os.kill(random.choice(running).pid, 9)
    stop.set()
    await asyncio.gather(*visitors, return_exceptions=True)
    print(f"{n_kills} kernels killed, one a second: the others recognized {drawn} drawings, and")
    print(f"    failed {failures} times; pen-up to answer {describe(seconds)}")


SCENES = {"draw": draw, "crowd": crowd, "come-and-go": come_and_go, "kills": kills}


def main(names: list[str]) -> None:
    for name in names or SCENES:
        with serving("--max-visitors=40") as served:
            asyncio.run(SCENES[name](served))


if __name__ == "__main__":
    main(sys.argv[1:])
