"""`nnlib serve` in a process of its own, for its tests and its benchmark."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil
from browser import server


@dataclass
class Served:
    """A running server: its address, its process, and what it has printed."""

    address: str
    process: psutil.Process
    output: list[str]

    @property
    def port(self) -> int:
        return int(self.address.split(":")[2].split("/")[0])

    def kernels(self) -> list[psutil.Process]:
        """The running kernels, the newest last."""
        found = []
        for child in self.process.children():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if "ipykernel_launcher" in child.cmdline():
                    found.append(child)
        return sorted(found, key=lambda child: child.create_time())

    def wait_for_kernels(self, n: int, seconds: float = 20) -> None:
        """Wait until there are n kernels."""
        deadline = time.monotonic() + seconds
        while len(self.kernels()) != n:
            assert time.monotonic() < deadline, f"{len(self.kernels())} kernels, not {n}"
            time.sleep(0.1)


@contextmanager
def serving(*flags: str, prefix: tuple[str, ...] = (), **environment: str) -> Iterator[Served]:
    """A server with these flags; prefix: a program that runs it, with its arguments."""
    command = ("nnlib", "serve", *flags)
    with server(*command, prefix=prefix, **environment) as (address, process, output):
        yield Served(address, psutil.Process(process.pid), output)
