"""What the machine allows: memory, processors, open files, a folder for the kernels' sockets."""

import os
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

UNKNOWN_MB = 2_000.0
UNKNOWN_FILES = 1_024
CGROUP = Path("/sys/fs/cgroup")  # where the limits of a container stand
TEST_BYTES = 64 * 1024  # written to find out whether a folder is full
# A socket's path may have 103 characters (macOS), of which a kernel's file takes this many.
MAX_FOLDER_LENGTH = 103 - len("/kernel-12345678-1234-1234-1234-123456789abc-ipc-1")


def available_mb() -> float:
    """The memory that programs may still take, in MB."""
    limits = []
    with suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        (line,) = (line for line in lines if line.startswith("MemAvailable:"))
        limits.append(int(line.split()[1]) / 1024)
    with suppress(OSError, ValueError):  # "max" is no number: no limit
        most, used = ((CGROUP / f"memory.{name}").read_text() for name in ("max", "current"))
        limits.append((int(most) - int(used)) / 2**20)
    return min(limits, default=UNKNOWN_MB)


def n_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def raise_open_files() -> int:
    """Raise the limit on open files as far as it goes, and give it."""
    if sys.platform == "win32":
        return UNKNOWN_FILES
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65_536 if most == resource.RLIM_INFINITY else most
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def make_socket_folder(parent: str) -> str:
    """A new folder that one can write to, in `parent`. Raises OSError."""
    folder = tempfile.mkdtemp(prefix="voila_", dir=parent)
    try:
        trial = Path(folder, "trial")
        trial.write_bytes(bytes(TEST_BYTES))
        trial.unlink()
    except OSError:
        with suppress(OSError):
            Path(folder, "trial").unlink(missing_ok=True)
            os.rmdir(folder)
        raise
    return folder


def best_transport(folder: str) -> str:
    """How kernels are reached. Ports of kernels that start together may collide; files do not."""
    has_files = hasattr(socket, "AF_UNIX") and sys.platform != "win32"
    return "ipc" if has_files and len(folder) <= MAX_FOLDER_LENGTH else "tcp"
