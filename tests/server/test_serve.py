"""`nnlib serve`: visitors come, wait and leave; what every response carries; places and signals."""

import asyncio
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from browser import browser, draw, find_browser, free_port, open_pad, wait_for_digit
from helpers import SEVEN
from served import serving
from tornado.simple_httpclient import HTTPTimeoutError
from traitlets import TraitError
from visitor import Visitor, fetch, load_page

from nnlib.server import serve as serve_module
from nnlib.server.http import DiscreetFilter
from nnlib.server.kernels import VisitorKernels
from nnlib.server.machine import best_transport
from nnlib.server.serve import Server

needs_browser = pytest.mark.skipif(find_browser() is None, reason="no Chromium")


async def draws_a_seven(visitor) -> bool:
    await visitor.draw(SEVEN)
    return visitor.digit == "7"


# Visitors


def test_visitor_draws_and_leaves(served, enter, run):
    before = len(served.kernels())
    visitor = enter()
    assert run(draws_a_seven(visitor))
    run(visitor.leave())
    served.wait_for_kernels(before, seconds=3)


def test_kernel_ends_soon_after_its_tab_has_crashed(served, enter, run):
    """No beacon comes; the websocket closes, and nobody connects again."""
    before = len(served.kernels())
    run(enter().crash())
    served.wait_for_kernels(before, seconds=15)


def test_visitor_who_leaves_early_gives_the_kernel_back(served, run):
    """A page that nobody waits for is given up, and its place in the queue is free again."""
    before = len(served.kernels())

    async def leave_early():
        for _ in range(2):
            with suppress(HTTPTimeoutError):
                page = await fetch(served.address, request_timeout=0.3)
                await Visitor(served.address, page).leave()  # it came sooner

    run(leave_early())
    served.wait_for_kernels(before, seconds=10)
    assert json.loads(run(fetch(served.address + "queue")).body) == {"before_you": 0}


def test_visitor_beyond_the_bound_waits_until_another_leaves(served, run):
    async def crowd():
        visitors = [await Visitor.enter(served.address) for _ in range(6)]
        page = await fetch(served.address)
        assert page.code == 503
        assert page.headers["Retry-After"]
        ticket = re.search(r'ticket = "([\w-]+)"', page.body.decode())[1]
        queue = f"{served.address}queue?ticket={ticket}"
        assert json.loads((await fetch(queue)).body) == {"before_you": 1}
        await visitors.pop().leave()
        assert json.loads((await fetch(queue)).body) == {"before_you": 0}
        last = await fetch(f"{served.address}?ticket={ticket}")
        visitors.append(Visitor(served.address, last))
        await asyncio.gather(*(visitor.leave() for visitor in visitors))

    run(crowd(), timeout=60)


def test_death_of_a_kernel_closes_its_socket_at_once(served, enter, run):
    others = {kernel.pid for kernel in served.kernels()}
    visitor = enter()
    (kernel,) = (kernel for kernel in served.kernels() if kernel.pid not in others)
    kernel.kill()
    start = time.monotonic()
    run(asyncio.wait_for(asyncio.shield(visitor._reader), 5))
    assert time.monotonic() - start < 3
    assert visitor.socket.close_code == 1001
    assert run(fetch(f"{served.address}api/kernels/{visitor.kernel_id}")).code == 404


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_kernel_is_bounded_and_nice(served, enter):
    enter()
    kernel = served.kernels()[-1]
    assert kernel.nice() == 5
    with open(f"/proc/{kernel.pid}/limits") as limits:
        assert re.search(rf"Max address space +{640 * 2**20} ", limits.read())


def test_kernel_whose_page_is_given_up_while_it_starts_is_ended():
    """Its process runs already, but no table has it yet."""

    class SlowKernels(VisitorKernels):
        ended = False

        async def start_kernel(self, **options):
            await asyncio.sleep(0.05)
            self._kernels[options["kernel_id"]] = SimpleNamespace(provisioner=None)

        async def shutdown_kernel(self, kernel_id, now=False, restart=False):
            self.ended = kernel_id in self._kernels
            self.remove_kernel(kernel_id)

    async def give_up():
        kernels = SlowKernels()
        page = asyncio.ensure_future(kernels.start_for("visitor", "127.0.0.1", "k"))
        await asyncio.sleep(0.01)
        page.cancel()
        with suppress(asyncio.CancelledError):
            await page
        await kernels.end("k")
        return kernels.ended, list(kernels.list_kernel_ids()), kernels.owner_of("k")

    assert asyncio.run(give_up()) == (True, [], None)


def test_pages_that_load_are_counted_by_address():
    kernels = VisitorKernels()
    for kernel_id, address in (("a", "1.1.1.1"), ("b", "1.1.1.1"), ("c", "2.2.2.2")):
        kernels._addresses[kernel_id] = address
        kernels._kernels[kernel_id] = SimpleNamespace()
        kernels._kernel_connections[kernel_id] = 0
        kernels.finish_page(kernel_id)
    kernels.notify_connect("b")
    assert [kernels.n_loading(a) for a in ("1.1.1.1", "2.2.2.2", "3.3.3.3")] == [1, 1, 0]


class Kernels(VisitorKernels):
    """One kernel that is never started; `ended` says whether it was shut down."""

    def __init__(self, state: str, quiet: float):
        super().__init__()
        then = datetime.now(UTC) - timedelta(seconds=quiet)
        self._kernels["k"] = SimpleNamespace(execution_state=state, last_activity=then)
        self._kernel_connections["k"] = 0
        self.ended = False

    async def end(self, kernel_id):
        self.ended = True

    def culls(self) -> bool:
        asyncio.run(self.cull_kernel_if_idle("k"))
        return self.ended


@pytest.mark.parametrize(
    ("state", "quiet", "ends"),
    [("idle", 60, False), ("busy", 60, False), ("busy", 130, True), ("idle", 1_900, True)],
)
def test_kernels_that_hang_or_that_nobody_uses_end(state, quiet, ends):
    kernels = Kernels(state, quiet)
    kernels.notify_connect("k")
    assert kernels.culls() is ends


def test_kernel_of_a_loading_page_is_spared(monkeypatch):
    now = time.monotonic()
    kernels = Kernels("idle", quiet=60)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    kernels.finish_page("k")
    now += 80  # at 400 kbit/s a page loads for half a minute
    assert not kernels.culls()
    now += 20
    assert kernels.culls()


def test_kernel_of_a_page_that_reconnects_is_spared(monkeypatch):
    now = time.monotonic()
    kernels = Kernels("idle", quiet=0)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    kernels.notify_connect("k")
    kernels.notify_disconnect("k")
    now += 8
    assert not kernels.culls()
    kernels.notify_connect("k")
    now += 8
    assert not kernels.culls()
    kernels.notify_disconnect("k")
    now += 11
    assert kernels.culls()


# Responses


def test_page_has_headers_for_safety_and_files_are_cached(served, run):
    async def get():
        page = await load_page(served.address)
        await Visitor(served.address, page).leave()
        zipped = {"Accept-Encoding": "gzip"}
        file = await fetch(
            f"{served.address}voila/static/voila.js", headers=zipped, decompress_response=False
        )
        return page, file, await fetch(f"{served.address}nothing")

    page, file, missing = run(get())
    for response in (page, missing):
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy  # nothing from elsewhere
    for response in (page, file, missing):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Server"] == "nnlib"
    assert "HttpOnly" in "".join(page.headers.get_list("Set-Cookie"))
    assert page.headers["Cache-Control"] == "no-store"
    assert file.headers["Cache-Control"] == "public, max-age=3600"
    assert file.headers["Content-Encoding"] == "gzip"


def test_monitors_and_search_engines_start_no_kernel(served, get):
    before = len(served.kernels())
    assert get("", method="HEAD").code == 200
    assert get("robots.txt").body == b"User-agent: *\nDisallow: /\n"
    assert len(served.kernels()) == before


def test_page_has_a_title(served, run):
    page = run(load_page(served.address))
    assert b"<title>Draw a digit</title>" in page.body
    run(Visitor(served.address, page).leave())


def test_log_has_a_line_a_request_and_no_ids(served, enter, run):
    visitor = enter()
    run(fetch(served.address + "nothing%0Ahere?secret"))
    time.sleep(0.3)
    lines = [json.loads(line) for line in served.output if line.startswith("{")]
    assert {"time", "method", "path", "status", "ms", "address"} == set(lines[-1])
    assert (lines[-1]["path"], lines[-1]["status"]) == ("/nothing%0Ahere", 404)
    output = "".join(served.output)
    assert "secret" not in output
    for name in (visitor.kernel_id, visitor.session, visitor.cookie):
        assert name not in output


def test_discreet_filter_escapes_shortens_and_bounds():
    many, few = DiscreetFilter(), DiscreetFilter(lines_per_second=0, burst=3)

    def logged(message, *args, error=None, keep=many):
        error = (type(error), error, None) if error else None
        record = logging.LogRecord("x", logging.ERROR, "", 0, message, args, error)
        return logging.Formatter().format(record) if keep.filter(record) else None

    assert logged("kernel %s died", uuid.UUID(int=7)) == "kernel KERNEL died"
    assert logged("a\r\n\x1b[31mb\u2028c") == "a\\x0d\\x0a\\x1b[31mb\\x2028c"
    assert logged("failed", error=ValueError("a\nb")) == "failed\\x0aValueError: a\\x0ab"
    assert len(logged("x" * 10**6)) == 4_000
    assert [logged("x", keep=few) for _ in range(5)] == ["x"] * 3 + [None] * 2


@pytest.mark.parametrize(
    ("host", "fits"),
    [("localhost", True), ("127.0.0.1", True), ("[::1]", True), ("digits.example", True),
     ("evil.example", False), ("digits.example.evil", False), ("xdigits.example", False),
     ("digitsxexample", False), ("", False)],
)  # fmt: skip
def test_host_pattern(host, fits):
    pattern = Server(hosts=["Digits.example"]).host_pattern()
    assert (re.match(pattern, host) is not None) is fits


def test_flags_are_mended_or_refused():
    server = Server(
        hosts=["a.example, b.example", "c.example"],
        cors_origins=["https://a.example/"],
        base_url="digits",
    )
    assert server.hosts == ["a.example", "b.example", "c.example"]
    assert server.cors_origins == ["https://a.example"]
    assert server.base_url == "/digits/" and Server(base_url="/").base_url == "/"
    for wrong in ({"port": 99_999}, {"max_visitors": 0}, {"max_starting": -1}):
        with pytest.raises(TraitError, match=str(next(iter(wrong.values())))):
            Server(**wrong)


@pytest.mark.parametrize(
    ("megabytes", "files", "visitors"), [(24_000, 65_536, 295), (24_000, 1_024, 36), (300, 9e9, 2)]
)
def test_number_of_visitors_fits_memory_and_open_files(monkeypatch, megabytes, files, visitors):
    monkeypatch.setattr(serve_module, "available_mb", lambda: megabytes)
    server = Server()
    server.open_files = files
    assert server.max_visitors == visitors


def test_transport_is_tcp_where_socket_paths_would_be_too_long():
    assert best_transport("/tmp/voila_12345678") == ("tcp" if os.name == "nt" else "ipc")
    assert best_transport("/tmp/" + "long/" * 20) == "tcp"


# Places and signals


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder that nobody can write to")
def test_server_serves_from_awkward_places(run, tmp_path):
    """Under a sub-path, with few files, a read-only home, and a long and littered temp folder."""
    litter = tmp_path / ("long" * 20)
    for i in range(20):
        (litter / f"voila_{i}").mkdir(parents=True)
        (litter / f"voila_{i}" / "kernel-x.json").write_text("{")
    # The kernels, which run in another folder, find the model too.
    flags = ("--base_url=/digits/", "--max-visitors=2", "--model=data/models/deep.npz")
    limit = ("prlimit", "--nofile=1024:1024")
    places = {"HOME": "/proc/self", "TMPDIR": str(litter)}
    with serving(*flags, prefix=limit, **places) as served:

        async def visit():
            assert (await fetch(served.address)).code == 404
            models = json.loads((await fetch(served.address + "digits/models")).body)["models"]
            assert [model["name"] for model in models] == ["deep", "softmax", "hidden", "robust"]
            visitor = await Visitor.enter(served.address + "digits/")
            assert await draws_a_seven(visitor)
            await visitor.leave()

        run(visit())


@pytest.mark.slow
def test_app_that_cannot_start_is_a_sentence(run, tmp_path):
    (tmp_path / "ipycanvas.py").write_text("raise ImportError")
    with serving(PYTHONPATH=str(tmp_path)) as served:
        page = run(load_page(served.address))
        assert page.code == 503
        assert b"The app could not be started." in page.body
        assert b"Try again" in page.body
        served.wait_for_kernels(0, seconds=5)


def fails_to_start(*flags: str, prefix: tuple[str, ...] = (), **environment: str) -> str:
    """What the server says before it exits."""
    command = [*prefix, sys.executable, "-m", "nnlib", "serve", *flags]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder that nobody can write to")
@pytest.mark.parametrize(
    ("flags", "prefix"),
    [(["--Voila.connection_dir_root=/proc/self"], ()), ([], ("prlimit", "--fsize=0"))],
)
def test_read_only_or_full_temp_folder_is_a_sentence(flags, prefix):
    said = fails_to_start(*flags, f"--port={free_port()}", prefix=prefix)
    assert "folder for temporary files cannot be written to" in said
    assert "TMPDIR" in said


def test_unknown_model_is_a_sentence():
    assert fails_to_start("--model=none") == (
        "nnlib: There is no model 'none'. Known are softmax, hidden, deep, robust; or give the "
        "path of an .npz file.\n"
    )


def test_taken_port_is_a_sentence(served):
    said = fails_to_start(f"--port={served.port}")
    assert f"Port {served.port} of localhost: Address already in use." in said


@pytest.mark.slow
def test_sigterm_ends_pages_kernels_and_server(run):
    with serving("--max-visitors=4") as served:
        visitor = run(Visitor.enter(served.address))
        folder = re.search(r"-f (\S*voila_\w+)/", " ".join(served.kernels()[0].cmdline()))[1]

        async def stop_while_a_page_is_made():
            page = asyncio.ensure_future(fetch(served.address))
            await asyncio.sleep(0.5)
            served.process.send_signal(signal.SIGTERM)
            return await page

        start = time.monotonic()
        kernels = served.kernels()
        assert run(stop_while_a_page_is_made()).code == 200  # requests end first
        served.process.wait(timeout=10)
        assert time.monotonic() - start < 10
        assert not any(kernel.is_running() for kernel in kernels)
        assert not os.path.exists(folder)
        assert visitor.socket.close_code is None or visitor.socket.close_code > 0


@pytest.mark.slow
def test_requests_on_open_connections_end_on_sigterm(run):
    """None of them is cut off: the last answer on a connection says that it closes."""

    async def ask(port: int, codes: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())[1]
            await reader.readexactly(int(length))
            codes.append(head[9:12])
            if b"connection: close" in head.lower():
                writer.close()
                return

    async def stop_under_load(served) -> list[bytes]:
        codes: list[bytes] = []
        clients = [asyncio.ensure_future(ask(served.port, codes)) for _ in range(8)]
        await asyncio.sleep(0.5)
        served.process.send_signal(signal.SIGTERM)
        await asyncio.gather(*clients)
        return codes

    with serving("--max-visitors=2") as served:
        codes = run(stop_under_load(served))
        served.process.wait(timeout=10)
    assert codes.count(b"503") == 8 and set(codes) == {b"200", b"503"}


# In a browser


@pytest.mark.browser
@pytest.mark.slow
@needs_browser
def test_app_in_a_browser(served):
    """It loads little, draws under the strict policy, and says so when its kernel dies."""
    errors, sizes = [], {}
    before = len(served.kernels())
    with browser() as opened:
        page = opened.new_page()
        page.on("console", lambda line: line.type == "error" and errors.append(line.text))
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.on(
            "Network.loadingFinished",
            lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
        )
        pad = open_pad(page, served.address)
        draw(page, pad, SEVEN)
        wait_for_digit(page, 7)
        page.wait_for_load_state("networkidle")
        assert sum(sizes.values()) <= 1.5e6
        assert errors == []

        sizes.clear()
        page.reload()
        pad.wait_for()
        page.wait_for_load_state("networkidle")
        assert sum(sizes.values()) <= 0.1e6

        served.wait_for_kernels(before + 1)
        served.kernels()[-1].kill()
        page.locator(".nnlib-disconnected").wait_for(timeout=4_000)

        page.reload()
        pad.wait_for()
        page.goto("about:blank")
        served.wait_for_kernels(before, seconds=5)


@pytest.mark.browser
@needs_browser
def test_page_without_the_app_offers_to_try_again(served):
    with browser() as opened:
        page = opened.new_page()
        page.route("**/voila.js*", lambda route: route.abort())
        page.clock.install()
        page.goto(served.address)
        page.clock.run_for(25_000)
        notice = page.get_by_role("alert").filter(has_text="has not appeared")
        notice.get_by_role("link", name="Try again").wait_for(timeout=5_000)
