"""What strangers try on the server: each attack arrives, is refused, and harms nobody else.

After every test a bystander gets a file and the answer to a drawing, within seconds.
"""

import asyncio
import json
import math
import os
import re
import signal
import socket
import time
import uuid
from contextlib import suppress

import pytest
from helpers import SEVEN
from tornado.httpclient import HTTPClientError
from visitor import PROTOCOL, Visitor, fetch, frame

FILE = "voila/static/voila.js"
PING_SECONDS = 5.0  # on a busy machine; alone it takes a few milliseconds
NOT_THERE = str(uuid.UUID(int=7))


@pytest.fixture(scope="module")
def bystander(served, run):
    visitor = run(Visitor.enter(served.address))
    yield visitor
    run(visitor.leave())


@pytest.fixture(autouse=True)
def bystander_is_served(bystander, run, get):
    """After each test: the server answers the bystander, whose kernel has answered all along."""
    yield
    assert get(FILE, request_timeout=PING_SECONDS).code == 200
    assert run(draws_a_seven(bystander), timeout=PING_SECONDS)


@pytest.fixture(scope="module")
def attacker(served, run):
    """A visitor for the attacks that his or her own kernel survives."""
    visitor = run(Visitor.enter(served.address))
    yield visitor
    assert run(draws_a_seven(visitor))
    run(visitor.leave())


async def draws_a_seven(visitor) -> bool:
    """Whether the app still recognizes a drawing. The pad is empty before and after.

    In few steps, or the bystander's drawings after many quick tests were a flood themselves.
    """
    await visitor.draw(SEVEN, steps=1)
    digit = visitor.digit
    await visitor.press("nnlib-clear")
    return digit == "7"


@pytest.fixture
def new_kernel(served):
    """A function that gives the kernel which the test has started."""
    before = {kernel.pid for kernel in served.kernels()}

    def find():
        (kernel,) = (kernel for kernel in served.kernels() if kernel.pid not in before)
        return kernel

    return find


def pad_of(visitor) -> str:
    """The id of the canvas that one draws on."""
    children = visitor.states[visitor.find("nnlib-sketchpad")]["children"]
    return children[0].removeprefix("IPY_MODEL_")


async def closing_code(socket, *messages, binary: bool = True) -> int:
    """Send the messages, and wait for the code with which the server closes."""
    for message in messages:
        try:
            await socket.write_message(message, binary=binary)
        except Exception:  # closed already
            break
    async with asyncio.timeout(20):
        while await socket.read_message() is not None:
            pass
    return socket.close_code


def refused(run, opening) -> int:
    """The HTTP status with which a websocket is refused."""
    with pytest.raises(HTTPClientError) as error:
        run(opening)
    return error.value.code


def raw(served, request: bytes, seconds: float = 5) -> bytes:
    """The answer to these bytes."""
    with socket.create_connection(("localhost", served.port), timeout=seconds) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
            if b"\r\n\r\n" in answer:
                break
    return answer


FROZEN = b"\xff" * 7 + b"\x7f"  # on which jupyter_server's parser counts to 2^63


@pytest.mark.parametrize("attack", [FROZEN, b"\x3f\xff\xff\xff", b"", bytes(60_000), FROZEN * 999])
def test_malformed_frame_closes_the_socket(attacker, run, attack):
    socket = run(attacker.open_socket(session="second"))
    assert run(closing_code(socket, attack)) == 1007


def test_text_frame_closes_the_socket(attacker, run):
    socket = run(attacker.open_socket(session="second"))
    assert run(closing_code(socket, '{"header": {}}', binary=False)) == 1007


def test_long_frame_closes_the_socket(attacker, run):
    socket = run(attacker.open_socket(session="second"))
    assert run(closing_code(socket, bytes(10**6))) in (1009, None)  # None: reset while sending


@pytest.mark.parametrize("subprotocols", [None, ["v2.kernel.websocket.jupyter.org"], [""]])
def test_other_protocols_are_refused_before_the_socket_opens(served, attacker, run, subprotocols):
    before = len(served.output)
    assert refused(run, attacker.open_socket(subprotocols=subprotocols)) == 400
    assert "Traceback" not in "".join(served.output[before:])


@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub", "nothing"])
def test_no_channel_executes_code(attacker, run, tmp_path, channel):
    marker = tmp_path / "executed"
    code = f"open({str(marker)!r}, 'w')"

    async def attack():
        socket = await attacker.open_socket(session="second")
        for kind, content in [
            ("execute_request", {"code": code, "silent": False, "allow_stdin": False}),
            ("execute_request", {"code": "", "user_expressions": {"x": code}}),
            ("inspect_request", {"code": "print", "cursor_pos": 2, "detail_level": 1}),
            ("complete_request", {"code": "pri", "cursor_pos": 3}),
            ("history_request", {"hist_access_type": "tail", "n": 9}),
            ("is_complete_request", {"code": "1"}),
            ("debug_request", {"type": "request", "command": "evaluate", "seq": 1}),
            ("create_subshell_request", {}),
            ("input_reply", {"value": code}),
            ("interrupt_request", {}),
        ]:
            await socket.write_message(frame(kind, content, "second", channel)[1], binary=True)
        if channel not in ("shell", "control"):
            return await closing_code(socket)
        # The kernel answers what comes after on the same channel, and has answered nothing before.
        known, message = frame("kernel_info_request", {}, "second", channel)
        await socket.write_message(message, binary=True)
        answers = b""
        async with asyncio.timeout(20):
            while known.encode() not in answers or b"kernel_info_reply" not in answers:
                answers += await socket.read_message()
        socket.close()
        return re.findall(rb"(execute|inspect|complete|history|debug|subshell)_\w*reply", answers)

    assert run(attack()) == (1007 if channel not in ("shell", "control") else [])
    assert run(draws_a_seven(attacker))
    assert not marker.exists()


def test_kernels_of_others_are_as_good_as_missing(attacker, bystander, run, get):
    own = {"Cookie": attacker.cookie}
    assert get(f"api/kernels/{attacker.kernel_id}", headers=own).code == 200
    for kernel_id in (bystander.kernel_id, NOT_THERE, "1-2-3-4-5"):
        answers = [
            get(f"api/kernels/{kernel_id}", headers=own),
            get(f"api/kernels/{kernel_id}", headers=own, method="DELETE"),
            get(f"voila/api/shutdown/{kernel_id}", headers=own, method="POST", body=""),
        ]
        assert [answer.code for answer in answers] == [404] * 3
        thief = Visitor.__new__(Visitor)
        thief.__dict__ = attacker.__dict__ | {"kernel_id": kernel_id}
        assert refused(run, thief.open_socket()) == 404
    assert get(f"api/kernels/{bystander.kernel_id}").code == 404  # without any cookie


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost.evil.example"])
def test_foreign_origins_get_no_socket(attacker, run, origin):
    assert refused(run, attacker.open_socket(headers={"Origin": origin})) == 403


def test_own_origin_and_none_get_a_socket(served, attacker, run):
    """A script has no origin, but needs the attacker's cookie all the same."""

    async def open_and_close(**headers):
        (await attacker.open_socket(headers=headers, session="second")).close()

    run(open_and_close(Origin=served.address.rstrip("/")))
    run(open_and_close())


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "a b", "127.0.0.1.x"]
)
def test_foreign_hosts_get_nothing(served, host):
    for path in ("/", "/" + FILE):
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        assert re.match(rb"HTTP/1.1 40[04]", raw(served, request.encode()))


@pytest.mark.parametrize(
    "path",
    ["/kernels", "/contents", "/contents/app.ipynb", "/sessions", "/terminals", "/kernelspecs",
     "/status", "/me", "/spec.yaml", "/config/x", "/events/subscribe", "/security/csp-report"],
)  # fmt: skip
def test_api_of_jupyter_is_not_there(get, path):
    assert get("api" + path).code == 404
    assert get("api" + path, method="POST", body="{}").code in (403, 404)


ODD_PATHS = [
    "/../../etc/passwd", "/voila/static/../../../../etc/passwd", "/voila/static//etc/passwd",
    "/voila/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/voila/static/..%2f..%2fetc/passwd",
    "/voila/static/%252e%252e/etc/passwd", "/voila/static/..%5c..%5cetc", "/voila/static/%00",
    "/voila/static/a%00.js", "/voila/static/", "/voila/static", "/voila/static/%ff%fe",
    "/voila/static/" + "a" * 5000, "/voila/static/a/" * 200, "/voila/static/%0d%0aX: y",
    "/voila/templates/nnlib/static/../conf.json", "/voila/templates/nnlib/conf.json",
    "/voila/templates/nnlib/static/", "/voila/templates/nnlib/static", "/voila/templates/nnlib",
    "/voila/templates/", "/voila/templates/x", "/voila/templates/lab/index.html.j2",
    "/voila/templates/../static/x", "/voila/templates/%2e%2e/static/x", 
    "/voila/labextensions/", "/voila/labextensions/ipycanvas/", "/voila/labextensions/../x",
    "/voila/labextensions/ipycanvas/static/../package.json", 
    "/voila/templates/ /static/x", "/voila/labextensions/ipycanvas/static/", "/?ticket=%00",
    "/voila/files/app.ipynb", "/voila/files/voila.json", "/voila/files/../pyproject.toml",
    "/voila/render/app.ipynb", "/voila/tree", "/voila/api/themes/x", "/voila/api/contents/",
    "/voila/api/shutdown/", "/voila/api/shutdown/x", "/voila/query/x", "/voila/execution/x",
    "/app.ipynb", "/nnlib/cli.py", "/%", "/%zz", "/%ff", "//", "//evil.example/", "/\\evil", "/;",
    "/api/kernels/" + NOT_THERE, "/api/kernels/" + NOT_THERE + "/channels", "/api/kernels/..",
    "/queue/x", "/login?next=//evil.example", "/favicon.ico", "/.git/config",
    "*", "evil.example:80", "http://evil.example/", "/queue?ticket=%ff", 
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "NONSENSE", "HEAD"])
def test_odd_paths_are_refused_and_read_nothing(served, method):
    found = {}
    for path in ODD_PATHS:
        if method in ("GET", "HEAD") and path.startswith(("/?", "/queue?")):
            continue  # these are the app itself
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        answer = raw(served, head.encode() + b"Content-Length: 0\r\n\r\n")
        found[path] = re.match(rb"HTTP/1.1 (4\d\d|30\d)", answer) is not None
        assert b"root:" not in answer
        assert b"Traceback" not in answer
        assert b"Location: //" not in answer
    assert [path for path, fine in found.items() if not fine] == []


def test_template_cannot_be_overridden(served, run):
    async def load():
        return await fetch(served.address + "?template=reveal&theme=dark&voila-template=lab")

    page = run(load())
    assert page.code == 200
    assert b"voila/templates/nnlib/static" in page.body
    assert b"reveal" not in page.body
    run(Visitor(served.address, page).leave())


def test_other_sites_cannot_end_kernels(served, attacker, run, get):
    """Their requests lack the cookie, and where a browser sends it, they are cross-origin."""
    path = f"voila/api/shutdown/{attacker.kernel_id}"
    foreign = {"Cookie": attacker.cookie, "Origin": "http://evil.example"}
    assert get(path, method="POST", body="").code == 404
    assert get(path, method="POST", body="", headers=foreign).code == 404
    own = {"Cookie": attacker.cookie}
    assert get(f"api/kernels/{attacker.kernel_id}", method="DELETE", headers=own).code == 403
    assert run(draws_a_seven(attacker))


def test_other_sites_cannot_embed_the_page(served, get):
    before = len(served.kernels())
    for mode, destination in [("no-cors", "image"), ("navigate", "iframe"), ("no-cors", "script")]:
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
        assert get("", headers=headers | {"Sec-Fetch-Dest": destination}).code == 403
    assert len(served.kernels()) == before


ODD_COMMS = [
    {}, {"comm_id": None}, {"comm_id": "x"}, {"comm_id": []}, {"comm_id": "x", "data": 7},
    {"comm_id": "x", "target_name": "no.such.target", "data": {}},
    {"comm_id": "x", "target_name": "jupyter.widget", "data": {"state": []}},
    {"comm_id": "x", "target_name": "jupyter.widget", "target_module": "os", "data": {}},
    {"comm_id": "x", "target_name": "jupyter.widget", "target_module": "antigravity", "data": {}},
    {"comm_id": "x", "data": {"method": "update", "state": {}}},
]  # fmt: skip


def test_malformed_comm_messages_leave_the_kernel_alive(attacker, run):
    pad = pad_of(attacker)

    async def attack():
        for kind in ("comm_open", "comm_msg", "comm_close", "comm_info_request"):
            for content in ODD_COMMS:
                attacker.send(kind, content)
        for data in ({}, {"method": []}, {"method": "custom"}, {"method": "custom", "content": 7}):
            for css_class in ("nnlib-clear", "nnlib-digit", "nnlib-app", "nnlib-model"):
                attacker.comm(attacker.find(css_class), data)
        for touches in ([], [{}], [{"x": 1}], 7, None, [{"x": math.nan, "y": math.inf}]):
            content = {"event": "touch_start", "touches": touches}
            attacker.comm(pad, {"method": "custom", "content": content})
        await attacker.send("comm_info_request", {})  # answered after all these

    run(attack())
    assert run(draws_a_seven(attacker))


HOSTILE_VALUES = [
    math.nan, -math.inf, -1, 2**63, 1e308, None, "", "x" * 5_000, "<img src=x onerror=alert(1)>",
    [], [[[[]]]], {"a": {"b": [None] * 1000}}, True, "IPY_MODEL_nothing",
]  # fmt: skip


@pytest.mark.slow
def test_hostile_states_of_every_widget_leave_the_kernel_alive(enter, new_kernel, run):
    visitor = enter()
    kernel = new_kernel()

    async def attack():
        sent = 0
        for number, (widget, state) in enumerate(list(visitor.states.items())):
            value = HOSTILE_VALUES[number % len(HOSTILE_VALUES)]
            names = sorted(state)
            for step in range(6):  # others of widgets that are alike, of which there are many
                name = names[(7 * number + 5 * step) % len(names)]
                data = {"method": "update", "state": {name: value}, "buffer_paths": []}
                await asyncio.wait_for(visitor.comm(widget, data), 20)
                await asyncio.sleep(0.004)  # or it were a flood
                sent += 1
        return sent

    before = sum(kernel.cpu_times()[:2])
    sent = run(attack(), timeout=90)
    assert sent > 1_000
    assert (sum(kernel.cpu_times()[:2]) - before) / sent < 0.01  # a colored traceback takes 0.04


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1e300, 10**400, "9" * 9_000, [1], None, {}])
def test_hostile_coordinates_are_not_kept(attacker, run, bad):

    async def attack():
        await attacker.pen("mouse_down", bad, 100)
        await attacker.pen("mouse_down", 100, 100)
        await attacker.pen("mouse_move", bad, bad)
        await attacker.pen("mouse_move", 200, bad)
        await attacker.pen("mouse_up", bad, bad)
        await attacker.press("nnlib-clear")

    run(attack())
    assert run(draws_a_seven(attacker))
    assert attacker.value("nnlib-status") == ""


def test_flood_of_messages_closes_the_socket(served, attacker, run):
    """What comes after the close is read no more: as legacy frames, it would take gigabytes."""
    before = served.process.memory_info().rss
    socket = run(attacker.open_socket(session="second"))
    message = frame("execute_request", {"code": ""}, "second")[1]  # which no kernel gets
    assert run(closing_code(socket, *[message] * 3_000)) == 1008
    time.sleep(0.5)
    assert served.process.memory_info().rss - before < 40e6


def test_flood_of_bytes_closes_the_socket(attacker, run):
    socket = run(attacker.open_socket(session="second"))
    message = frame("comm_msg", {"comm_id": "x", "data": "x" * 60_000}, "second")[1]
    assert run(closing_code(socket, *[message] * 40)) == 1008


def test_third_socket_of_a_kernel_is_closed(attacker, run):

    async def attack():
        sockets = [await attacker.open_socket(session=str(i)) for i in range(30)]
        await asyncio.sleep(1)
        codes = [await closing_code(socket) for socket in sockets[1:]]
        sockets[0].close()
        return codes

    assert run(attack()) == [1008] * 29
    assert run(draws_a_seven(attacker))


def test_kernel_that_falls_behind_holds_its_page_back(enter, new_kernel, run):
    """Messages wait in the sender's socket, not in the server: it does not even answer pings."""
    visitor = enter()
    kernel = new_kernel()

    async def attack():
        os.kill(kernel.pid, signal.SIGSTOP)
        pong = asyncio.get_running_loop().create_future()
        visitor.socket.on_pong = lambda data: pong.done() or pong.set_result(None)
        handled = [visitor.pen("mouse_move", 1, 1) for _ in range(800)]
        visitor.socket.ping(b"?")
        await asyncio.wait([pong], timeout=2)
        was_held_back = not pong.done()
        os.kill(kernel.pid, signal.SIGCONT)
        await asyncio.wait_for(handled[-1], 30)
        await asyncio.wait_for(pong, 5)
        return was_held_back

    assert run(attack())


def test_page_that_reads_nothing_is_dropped(served, enter):
    """Whoever asks for everything, and does not read the answers, fills no memory."""
    visitor = enter()
    before = served.process.memory_info().rss
    control = uuid.uuid4().hex
    opening = {"comm_id": control, "target_name": "jupyter.widget.control", "data": {}}
    asking = {"comm_id": control, "data": {"method": "request_states"}}
    with raw_websocket(served, visitor) as connection:
        send_masked(connection, frame("comm_open", opening, "second")[1])
        with pytest.raises(OSError):
            for _ in range(400):  # 190 kB each
                send_masked(connection, frame("comm_msg", asking, "second")[1])
                time.sleep(0.02)
    assert served.process.memory_info().rss - before < 40e6


def test_page_that_does_not_close_gets_and_sends_nothing_more(served, attacker, run):
    """While a socket is being closed, jupyter_server takes its frames for those of a protocol in
    which each of these has 100 million parts."""
    before = served.process.memory_info().rss
    with raw_websocket(served, attacker) as connection:
        send_masked(connection, FROZEN)
        while b"number of offsets" not in connection.recv(65536):  # the server closes
            pass
        assert run(draws_a_seven(attacker))  # the kernel's answers go to both sockets
        for _ in range(20):
            send_masked(connection, frame("comm_info_request", {}, "second")[1])
        assert run(draws_a_seven(attacker))
    assert served.process.memory_info().rss - before < 40e6


def raw_websocket(served, visitor) -> socket.socket:
    """A websocket to the visitor's kernel that answers nothing by itself."""
    connection = socket.create_connection(("localhost", served.port), timeout=30)
    lines = [
        f"GET /api/kernels/{visitor.kernel_id}/channels?session_id=second HTTP/1.1",
        f"Host: localhost:{served.port}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {PROTOCOL}", f"Cookie: {visitor.cookie}", "", "",
    ]  # fmt: skip
    connection.sendall("\r\n".join(lines).encode())
    assert b" 101 " in connection.recv(4096)
    return connection


def send_masked(connection: socket.socket, payload: bytes) -> None:
    """Send one binary frame of a websocket, masked with zeros."""
    length = bytes([0x80 | 126]) + len(payload).to_bytes(2, "big")
    if len(payload) < 126:
        length = bytes([0x80 | len(payload)])
    connection.sendall(b"\x82" + length + bytes(4) + payload)


def test_large_bodies_are_refused_before_they_come(served):
    for path in ("/", "/queue", "/voila/api/shutdown/x"):
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99000000\r\n\r\n"
        assert re.match(rb"HTTP/1.1 4\d\d|$", raw(served, head.encode()))


@pytest.mark.slow
def test_half_requests_are_dropped(served):
    """Headers and bodies that never end."""
    halves = [
        b"GET / HTTP/1.1\r\nHost: local",
        b"POST /queue HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
    ]
    sockets = []
    for i in range(200):
        sockets.append(socket.create_connection(("localhost", served.port), timeout=40))
        sockets[-1].sendall(halves[i % 2])
    start = time.monotonic()
    ends = [connection.recv(4096) for connection in sockets]
    assert time.monotonic() - start < 35
    assert all(re.match(rb"HTTP/1.1 4\d\d|$", end) for end in ends)
    for connection in sockets:
        connection.close()


def test_crowd_of_connections_leaves_room_for_others(served):
    """One address gets at most half of the connections, so others still get in."""
    sockets = []
    for _ in range(1_100):
        connection = socket.socket()
        connection.bind(("127.0.0.9", 0))
        connection.settimeout(10)
        connection.connect(("127.0.0.1", served.port))
        sockets.append(connection)
    time.sleep(0.5)
    closed = 0
    for connection in sockets[-50:]:
        connection.setblocking(False)
        with suppress(BlockingIOError):
            closed += connection.recv(1) == b""
    assert closed == 50
    for connection in sockets:
        connection.close()


@pytest.mark.slow
def test_sixty_page_loads_at_once_get_the_app_or_the_waiting_page(served, run):
    async def attack():
        pages = await asyncio.gather(*(fetch(served.address) for _ in range(60)))
        for page in pages:
            if page.code == 200:
                await Visitor(served.address, page).leave()
        return pages

    pages = run(attack())
    kinds = [
        "app" if page.code == 200 and b"widget-view+json" in page.body
        else "waiting" if page.code == 503 and b"ticket =" in page.body
        else page.code
        for page in pages
    ]  # fmt: skip
    assert set(kinds) == {"app", "waiting"}
    assert kinds.count("app") >= 2
    assert json.loads(run(fetch(served.address + "queue")).body)["before_you"] > 0
