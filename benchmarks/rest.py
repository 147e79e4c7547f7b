"""How many predictions a second does REST give, and how long does one take?

    python benchmarks/rest.py [SECONDS]

The server is a bare tornado application with the model `robust` and one thread for matrix
products; the client, in a process of its own on the same machine, keeps its connections open and
sends the next request on each when the answer to the last has come.
"""

import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import psutil
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from nnlib import Recognizer, load_mnist
from nnlib.datasets.drawings_file import read_drawings
from nnlib.server.rest import RestService, rest_handlers

EXAMPLES = Path(__file__).parent.parent / "data" / "examples.jsonl"
BATCH = 256


def main(seconds: float = 5) -> None:
    strokes = [[s.tolist() for s in drawing.strokes] for drawing in read_drawings(EXAMPLES)]
    images = np.rint(load_mnist().test.images[:BATCH].reshape(-1, 28, 28) * 255).astype(int)
    floats = (images / 255).tolist()
    as_tensors, as_images = images.tolist(), [{"image": image.tolist()} for image in images]
    single, several = 8, 2  # connections

    cases: list[tuple[str, int, list[dict[str, object]]]] = [
        ("a drawing", single, [{"strokes": drawing} for drawing in strokes]),
        ("an image of 28×28", single, as_images),
        ("a tensor", single, [{"instances": [tensor]} for tensor in as_tensors]),
        (f"{BATCH} tensors, 0 to 255", several, [{"instances": as_tensors}]),
        (f"{BATCH} tensors, 0 to 1", several, [{"instances": floats}]),
        (f"{BATCH} images of 28×28", several, [{"instances": as_images}]),
        (
            f"{BATCH} drawings",
            several,
            [{"instances": ([{"strokes": s} for s in strokes] * BATCH)[:BATCH]}],
        ),
    ]
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    server = spawn.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        port = here.recv()
        for what, connections, bodies in cases:
            sent = [json.dumps(body).encode() for body in bodies]
            asyncio.run(load(port, sent, connections, 0.5))  # not counted
            before = sum(psutil.Process(server.pid).cpu_times()[:2])
            milliseconds = asyncio.run(load(port, sent, connections, seconds))
            busy = sum(psutil.Process(server.pid).cpu_times()[:2]) - before
            n = len(bodies[0].get("instances", [0]))
            centiles = statistics.quantiles(milliseconds, n=100)
            print(
                f"{what + ':':26}{len(milliseconds) * n / seconds:7,.0f} digits a second, "
                f"median {centiles[49]:5.1f} ms, p99 {centiles[98]:5.1f} ms, "
                f"processor {1000 * busy / len(milliseconds):5.2f} ms a request "
                f"({connections} connections)",
                flush=True,
            )
    finally:
        server.terminate()
        server.join()


def serve(pipe: Connection) -> None:
    """Serve on a free port, which is sent back."""

    async def run() -> None:
        service = RestService({"robust": Recognizer.load("robust")})
        application = Application(rest_handlers(service), log_function=service.metrics.observe)
        [listening] = bind_sockets(0, "127.0.0.1")
        HTTPServer(application).add_sockets([listening])
        pipe.send(listening.getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(run())


async def load(port: int, bodies: list[bytes], connections: int, seconds: float) -> list[float]:
    """Send the bodies in turn for some seconds; return each answer's time in milliseconds."""
    milliseconds = []
    end = time.perf_counter() + seconds

    async def client(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        number = first
        while (start := time.perf_counter()) < end:
            body = bodies[number % len(bodies)]
            head = (
                f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            length = answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            milliseconds.append(1000 * (time.perf_counter() - start))
            number += connections
        writer.close()

    await asyncio.gather(*(client(first) for first in range(connections)))
    return milliseconds


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
