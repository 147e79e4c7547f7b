"""The files in `deploy/`: nginx's in front of two servers, and systemd's and Docker's flags."""

import asyncio
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from browser import free_port, wait_for_connection
from helpers import SEVEN
from served import serving
from visitor import Visitor, fetch

from nnlib.server.serve import Server

DEPLOY = Path(__file__).parents[2] / "deploy"
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
HEADER_SECONDS = 2
SEVEN_IN_PIXELS = [[[500 * x, 500 * y] for x, y in stroke] for stroke in SEVEN]

needs_nginx = pytest.mark.skipif(
    NGINX is None and not os.environ.get("CI"), reason="no nginx (Debian: apt-get install nginx)"
)


@contextmanager
def nginx(folder: Path, upstreams: list[int]):
    """nginx with the file from `deploy/`, but other ports and a shorter timeout; its address."""
    port = free_port()
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    for old, new in zip(["8866", "8867"], map(str, upstreams), strict=True):
        text = text.replace(f"server 127.0.0.1:{old} ", f"server 127.0.0.1:{new} ")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
    text = text.replace("client_header_timeout 10s", f"client_header_timeout {HEADER_SECONDS}s")
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}\ndaemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{text}}}\n"
    )
    process = subprocess.Popen([str(NGINX), "-p", folder, "-c", folder / "nginx.conf"])
    try:
        wait_for_connection(port)
        yield f"http://localhost:{port}/digits/"
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of nginx, and the two servers behind it."""
    flags = ("--base_url=/digits/", "--behind-proxy", "--hosts=example.org", "--max-visitors=30")
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(*flags)) for _ in range(2)]
        ports = [served.port for served in servers]
        folder = tmp_path_factory.mktemp("nginx")
        yield stack.enter_context(nginx(folder, ports)), servers


async def predicts(address: str) -> bool:
    body = json.dumps({"strokes": SEVEN_IN_PIXELS})
    answer = await fetch(address + "predict", method="POST", body=body)
    return answer.code == 200 and json.loads(answer.body)["predictions"][0]["digit"] == 7


@needs_nginx
@pytest.mark.slow
def test_one_of_two_servers_behind_nginx_is_killed(site, run):
    """Visitors of the other draw on; REST and newcomers go there; nobody waits for a timeout."""
    address, servers = site

    async def draws(visitor) -> bool:
        await visitor.draw(SEVEN)
        digit = visitor.digit
        await visitor.press("nnlib-clear")
        return digit == "7"

    async def visit():
        visitors: list[Visitor] = []
        while min(counts := [len(served.kernels()) for served in servers]) < 2:
            visitors.append(await Visitor.enter(address))  # nginx chooses one at random
        assert all("nnlib_server=" in visitor.cookie for visitor in visitors)
        assert all([await draws(visitor) for visitor in visitors])
        assert sum(counts) == len(visitors)
        assert all(await asyncio.gather(*(predicts(address) for _ in range(20))))

        kernels = servers[0].kernels()
        servers[0].process.kill()
        async with asyncio.timeout(5):
            while len(left := [one for one in visitors if not one.is_disconnected]) > counts[1]:
                await asyncio.sleep(0.05)
        assert len(left) == counts[1]
        assert all([await draws(visitor) for visitor in left])
        start = time.monotonic()
        assert all(await asyncio.gather(*(predicts(address) for _ in range(20))))
        newcomer = await Visitor.enter(address)
        assert await draws(newcomer)
        assert time.monotonic() - start < 10
        psutil.wait_procs(kernels, timeout=10)
        assert not any(kernel.is_running() for kernel in kernels)
        for visitor in [*left, newcomer]:
            await visitor.leave()

    run(visit(), timeout=120)
    servers[1].wait_for_kernels(0, seconds=5)


@needs_nginx
@pytest.mark.slow
def test_nginx_passes_on_what_it_should(site, run):
    address, servers = site
    served = servers[1]

    async def look():
        root = address.removesuffix("digits/")
        codes = {
            path: (await fetch(root + path)).code
            for path in ("digits", "digits/metrics", "digits/health", "digits/api",
                         "digits/models", "digits/openapi.json", "digits/v1/models/robust")
        }  # fmt: skip
        assert codes == {
            "digits": 301, "digits/metrics": 404, "digits/health": 404,
            "digits/api": 200, "digits/models": 200, "digits/openapi.json": 200,
            "digits/v1/models/robust": 200,
        }  # fmt: skip
        large = {"method": "POST", "body": " " * 100_000}
        assert (await fetch(address + "predict", **large)).code == 400  # read, but no JSON
        assert (await fetch(address + "queue", **large)).code == 413
        forged = {"X-Forwarded-For": "6.6.6.6"}
        assert (await fetch(address + "models", headers=forged)).code == 200

    run(look())
    addresses = re.findall(r'"address": "([^"]+)"', "".join(served.output))
    assert set(addresses) == {"127.0.0.1"}


@needs_nginx
@pytest.mark.slow
def test_half_requests_end_at_nginx(site):
    port = int(site[0].split(":")[2].split("/")[0])
    with socket.create_connection(("localhost", port), timeout=HEADER_SECONDS + 5) as connection:
        connection.sendall(b"GET /digits/ HTTP/1.1\r\nHost: local")
        start = time.monotonic()
        assert connection.recv(1000) == b""
        assert time.monotonic() - start < HEADER_SECONDS + 3


def test_flags_of_systemd_and_docker_are_known(tmp_path):
    service = (DEPLOY / "nnlib@.service").read_text("utf-8").replace("\\\n", "")
    command = re.search(r"^ExecStart=\S+/nnlib serve (.*)$", service, re.MULTILINE)[1]
    server = Server()
    server.parse_command_line(shlex.split(command.replace("%i", "8866")))
    assert server.hosts == ["example.org"]
    assert server.max_visitors == 40
    assert server.behind_proxy

    docker = (DEPLOY / "Dockerfile").read_text("utf-8")
    entry, more = (
        json.loads(re.search(rf"^{name} (.*)$", docker, re.MULTILINE)[1])
        for name in ("ENTRYPOINT", "CMD")
    )
    assert entry[:2] == ["nnlib", "serve"]
    server = Server()
    server.parse_command_line([*entry[2:], *more])
    assert (server.port, server.ip) == (8866, "0.0.0.0")


def test_nginx_is_there_on_ci():
    assert NGINX is not None or not os.environ.get("CI")
