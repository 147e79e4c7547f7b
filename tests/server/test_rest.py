"""REST over real connections: the answers, and what strangers may send instead of a request."""

import base64
import gzip
import io
import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import DIGITS
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from rest_server import JSON, KERNELS, running

from nnlib import Recognizer
from nnlib.explain.diagnostics import diagnose
from nnlib.server import rest
from nnlib.server.request_body import MAX_BODY
from nnlib.server.rest import MAX_DISCARDED, MAX_LARGE_REQUESTS, QUICK_BODY, is_quick
from nnlib.version import __version__

DRAWING = {"strokes": DIGITS[7]}
SMALL = json.dumps(DRAWING).encode()
EXACT = {"rel": 0, "abs": 1e-9}  # probabilities are sent to nine decimals


@pytest.fixture(scope="module")
def server():
    with running(count_kernels=lambda: KERNELS) as started:
        yield started


@pytest.fixture(scope="module")
def robust():
    return Recognizer.load("robust")


@pytest.fixture(scope="module")
def images(digits):
    return np.rint(digits.test.images[:40].reshape(-1, 28, 28) * 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def no_exception_is_logged(caplog):
    yield
    assert not [record for record in caplog.get_records("call") if record.exc_info]


def agree(answer, prediction) -> None:
    assert answer["digit"] == prediction.digit
    assert answer["confidence"] == answer["probabilities"][prediction.digit]
    assert answer["probabilities"] == pytest.approx(prediction.probabilities.tolist(), **EXACT)


# Answers


@pytest.mark.parametrize("digit", DIGITS)
def test_drawing_is_answered_as_recognizer_does(server, robust, digit):
    answer = server.predict({"strokes": DIGITS[digit], "canvas": 500, "pen": 20})
    agree(answer["predictions"][0], robust.predict(DIGITS[digit]))
    assert list(answer["predictions"][0]) == [
        "digit", "confidence", "probabilities", "is_digit", "digit_probability",
    ]  # fmt: skip
    assert answer["model"] == server.service.descriptions["robust"]


def test_letter_is_no_digit(server):
    letter_h = [[[100, 100], [100, 400]], [[300, 100], [300, 400]], [[100, 250], [300, 250]]]
    answer = server.predict({"strokes": letter_h})["predictions"][0]
    assert not answer["is_digit"] and answer["digit_probability"] < 0.5
    assert b'nnlib_predictions_total{digit="none"} ' in server.send("GET", "/metrics")[2]


def test_image_is_answered_as_recognizer_does(server, robust, images):
    for image in images[:10]:
        file = io.BytesIO()
        Image.fromarray(np.kron(255 - image, np.ones((3, 3), np.uint8))).save(file, "PNG")
        text = base64.b64encode(file.getvalue()).decode()
        prediction = robust.predict_image(np.asarray(Image.open(file)))
        for body in ({"image": text}, {"instances": [{"image": {"b64": text}}]}):
            agree(server.predict(body)["predictions"][0], prediction)
        for rows in (image.tolist(), (image / 255).tolist()):
            answer = server.predict({"image": rows})["predictions"][0]
            agree(answer, robust.predict_image(image))


def test_tensors_enter_the_network_as_they_are(server, robust, images):
    expected = robust.probabilities(images.astype(np.float32) / 255)
    for rows in (images, images / 255, images.reshape(-1, 784), images[..., None]):
        answers = server.predict({"instances": rows.tolist()})["predictions"]
        received = np.array([answer["probabilities"] for answer in answers])
        np.testing.assert_allclose(received, expected, atol=2e-6)
        assert [answer["digit"] for answer in answers] == expected.argmax(axis=1).tolist()


def test_instances_are_answered_in_order_and_by_one_product(server, robust, images, monkeypatch):
    shapes = []
    network = server.service.recognizers["robust"].network
    forward = network.forward
    monkeypatch.setattr(network, "forward", lambda X: (shapes.append(X.shape), forward(X))[1])
    instances = [{"strokes": strokes} for strokes in DIGITS.values()]
    instances[3:3] = [{"image": images[0].tolist()}, images[1].tolist()]
    answers = server.predict({"instances": instances})["predictions"]
    assert shapes == [(12, 784)]
    for instance, answer in zip(instances, answers, strict=True):
        [alone] = server.predict({"instances": [instance]})["predictions"]
        assert answer["digit"] == alone["digit"]
        # A product of several rows may round differently from one of a single row.
        assert answer["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-6)


def test_diagnostics_are_added_when_asked_for(server, robust):
    body = DRAWING | {"canvas": 400, "pen": 9, "diagnostics": True}
    received = server.predict(body)["predictions"][0]["diagnostics"]
    expected = diagnose(robust.predict(DIGITS[7], canvas=400, pen=9))
    assert len(received) == len(expected) == 6
    for values, diagnostic in zip(received, expected, strict=True):
        for name in ("name", "as_drawn", "input", "low", "high", "state", "summary", "advice"):
            assert values[name] == getattr(diagnostic, name)


def test_another_model_answers_when_it_is_named(server):
    expected = Recognizer.load("softmax").predict(DIGITS[7])
    for body, path in [
        (DRAWING | {"model": "softmax"}, "/predict"),
        (DRAWING, "/v1/models/softmax:predict"),
        ({"instances": [DRAWING]}, "/v1/models/softmax%3Apredict"),
    ]:
        answer = server.predict(body, path)
        agree(answer["predictions"][0], expected)
        assert answer["model"]["name"] == "softmax"


@pytest.mark.parametrize("path", ["/v1/models/deep", "/v1/models/deep:predict", "/predict"])
def test_unknown_model_is_404(server, path):
    method = "GET" if path.endswith("deep") else "POST"
    body = json.dumps(DRAWING | {"model": "deep"}).encode()
    status, sentence = server.error(body, path, method=method)
    assert (status, sentence) == (404, "There is no model 'deep' here, but robust, softmax.")


def test_protocol_v1_names_models(server):
    assert server.send("GET", "/v1/models")[2] == {"models": ["robust", "softmax"]}
    assert server.send("GET", "/v1/models/robust")[2] == {"name": "robust", "ready": True}


def test_models_have_ids_of_their_content(server):
    [robust, softmax] = server.send("GET", "/models")[2]["models"]
    assert (robust["name"], softmax["name"]) == ("robust", "softmax")
    assert re.fullmatch("[0-9a-f]{12}", robust["id"]) and robust["id"] != softmax["id"]


def test_health_says_what_runs(server):
    status, _, health = server.send("GET", "/health")
    assert status == 200
    assert health == {
        "live": True,
        "ready": True,
        "version": __version__,
        "model": server.service.descriptions["robust"],
        "kernels": KERNELS,
    }
    server.service.ready = False
    try:
        status, _, health = server.send("GET", "/health")
        assert (status, health["live"], health["ready"]) == (503, True, False)
        assert server.send("GET", "/v1/models/robust")[2]["ready"] is False
    finally:
        server.service.ready = True


def test_page_shows_addresses_that_can_be_copied(server):
    status, headers, page = server.send("GET", "/api", headers={"Host": 'x"><script>'})
    assert status in (200, 400) and b"<script>" not in page
    status, headers, page = server.send("GET", "/api")
    text = page.decode()
    assert (status, headers.get_content_type()) == (200, "text/html")
    assert f"curl http://127.0.0.1:{server.port}/predict" in text
    assert f"http://127.0.0.1:{server.port}/v1/models/robust:predict" in text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)  # nothing from elsewhere


def test_page_code_runs(server, capsys):
    text = server.send("GET", "/api")[2].decode()
    [code] = re.findall(r"(import json\n.*?)</pre>", text, re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out == "7\n"


def test_routes_stand_below_a_prefix():
    with running(prefix="/digits/") as server:
        assert server.predict(DRAWING, "/digits/predict")["predictions"][0]["digit"] == 7
        assert b"/digits/predict" in server.send("GET", "/digits/api")[2]
        assert server.send("GET", "/health")[0] == 404


def test_metrics_count_requests_digits_and_kernels():
    with running(count_kernels=lambda: KERNELS) as server:
        server.predict({"instances": [{"strokes": DIGITS[digit]} for digit in (7, 7, 4)]})
        server.predict({"strokes": DIGITS[7]})
        server.predict({"strokes": DIGITS[4]})
        server.error(b"")
        server.send("GET", "/v1/nothing")
        status, headers, text = server.send("GET", "/metrics")
        assert (status, headers.get_content_type()) == (200, "text/plain")
        samples = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
        }
    assert samples["nnlib_requests_total", "200", "predict"] == 3
    assert samples["nnlib_requests_total", "400", "predict"] == 1
    assert samples["nnlib_requests_total", "404", "unknown"] == 1
    assert samples["nnlib_request_seconds_count", "predict"] == 4
    assert [samples["nnlib_predictions_total", str(digit)] for digit in (4, 7, 9)] == [2, 3, 0]
    assert {state: samples["nnlib_kernels", state] for state in KERNELS} == KERNELS


# Methods, types, origins


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict", "POST, OPTIONS"),
        ("PUT", "/v1/models/robust:predict", "POST, OPTIONS"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("DELETE", "/v1/models/robust", "GET, HEAD, OPTIONS"),
        ("TRACE", "/metrics", "GET, HEAD, OPTIONS"),
    ],
)
def test_wrong_method_is_405_and_names_others(server, method, path, allowed):
    status, headers, answer = server.send(method, path, b"{}", JSON)
    assert (status, headers["Allow"]) == (405, allowed)
    assert answer == {"error": f"{method} does nothing here. Possible are {allowed}."}


def test_head_has_no_body(server):
    status, headers, content = server.send("HEAD", "/health")
    assert (status, content) == (200, b"") and int(headers["Content-Length"]) > 50


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "text/plain"],
)
def test_json_is_accepted_as_curl_sends_it(server, content_type):
    status, _, answer = server.send("POST", "/predict", SMALL, {"Content-Type": content_type})
    assert (status, answer["predictions"][0]["digit"]) == (200, 7)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "image/png"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_other_content_is_415(server, headers):
    body = gzip.compress(SMALL) if "Content-Encoding" in headers else SMALL
    status, sentence = server.error(body, headers=headers)
    assert status == 415 and sentence.startswith("The body must")


def test_scripts_of_other_sites_are_not_allowed_by_default(server):
    for method in ("OPTIONS", "POST"):
        headers = server.send(method, "/predict", SMALL, {"Origin": "https://a.example"})[1]
        assert not [name for name in headers if name.startswith("Access-Control")]


def test_scripts_of_named_sites_are_allowed():
    with running(origins=["https://a.example"]) as server:
        for origin, allowed in [("https://a.example", True), ("https://b.example", False)]:
            status, headers, _ = server.send("OPTIONS", "/predict", None, {"Origin": origin})
            assert status == 204 and headers["Vary"] == "Origin"
            assert (headers["Access-Control-Allow-Origin"] == origin) is allowed
            assert (headers["Access-Control-Allow-Headers"] == "Content-Type") is allowed
            for body in (SMALL, b"wrong"):  # a script may read errors too
                headers = server.send("POST", "/predict", body, {"Origin": origin})[1]
                assert (headers["Access-Control-Allow-Origin"] == origin) is allowed
    with running(origins=["*"]) as server:
        headers = server.send("POST", "/predict", SMALL, {"Origin": "null"})[1]
        assert headers["Access-Control-Allow-Origin"] == "null"


# Hostile requests


def test_wrong_bodies_are_400(server):
    for body in (b"", b"{", b"[1]", b'{"strokes": [[[NaN, 1]]]}', b'{"strokes": []}', b"\xff"):
        status, sentence = server.error(body)
        assert status == 400 and sentence.endswith(".")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
keys = st.sampled_from(["strokes", "image", "instances", "canvas", "pen", "model", "diagnostics"])


@given(st.dictionaries(keys, anything) | anything)
@settings(max_examples=150)
def test_no_json_gives_a_5xx(server, content):
    body = json.dumps(content)
    status, _, answer = server.send("POST", "/predict", body, JSON)
    assert status in (200, 400, 404)
    assert status == 200 or list(answer) == ["error"]


@pytest.mark.parametrize("n_bytes", [MAX_BODY + 1, 3 * MAX_BODY])
@pytest.mark.parametrize("chunked", [False, True])
def test_body_that_is_too_large_is_413(server, n_bytes, chunked):
    pieces = (b" " * 50_000 for _ in range(0, n_bytes, 50_000))
    body = pieces if chunked else b" " * n_bytes
    status, _, answer = server.send("POST", "/predict", body, JSON)
    assert (status, answer) == (413, {"error": rest.TOO_LARGE})


def exchange(port: int, data: bytes, more=()) -> bytes:
    """Send raw bytes, then `more` pieces until the server answers → all that it sends."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        received = bytearray()
        try:
            for piece in more:
                connection.sendall(piece)
        except OSError:  # the server has closed the connection
            pass
        try:
            while part := connection.recv(65_536):
                received += part
                _, _, body = received.partition(b"\r\n\r\n")
                if body.endswith(b"}"):
                    break
        except OSError:
            pass
        return bytes(received)


def test_announced_giant_is_refused_before_it_is_sent(server):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % 10**12
    received = exchange(server.port, head)
    assert received.startswith(b"HTTP/1.1 413 ")
    assert json.loads(received.partition(b"\r\n\r\n")[2]) == {"error": rest.TOO_LARGE}


def test_endless_body_is_cut_off(server):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = 0

    def pieces():
        nonlocal sent
        while sent < 4 * MAX_DISCARDED:
            sent += 50_000
            yield b"c350\r\n" + b" " * 50_000 + b"\r\n"

    exchange(server.port, head, pieces())
    assert sent < 2 * MAX_DISCARDED


@pytest.mark.parametrize("length", [b"-5", b"1e3", b"5, 6", b"x", b"9" * 5000])
def test_odd_content_length_is_refused(server, length):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %s\r\n\r\n" % length
    assert exchange(server.port, head + SMALL)[:10] in (b"", b"HTTP/1.1 4")
    assert server.predict(DRAWING)


def test_places_of_clients_that_leave_are_free_again(server):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    for _ in range(2 * MAX_LARGE_REQUESTS):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head + b"{")
    assert eventually(lambda: server.service.n_large == 0)
    assert server.service.n_running == 0


def eventually(condition, seconds=10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def large(images) -> bytes:
    body = json.dumps({"instances": images.tolist()}).encode()
    assert len(body) > QUICK_BODY
    return body


def test_large_requests_are_answered_in_few_threads(server, images, monkeypatch):
    threads, answer = [], server.service.answer
    monkeypatch.setattr(
        server.service,
        "answer",
        lambda *arguments: (threads.append(threading.current_thread().name), answer(*arguments))[1],
    )
    server.send("POST", "/predict", SMALL)
    assert not threads[0].startswith("nnlib-rest")
    server.send("POST", "/predict", large(images))
    assert threads[1].startswith("nnlib-rest")


def test_small_requests_are_answered_while_large_ones_wait(server, images, monkeypatch):
    go_on, answer = threading.Event(), server.service.answer
    statuses = []

    def slow(body, *arguments):
        if len(body) > QUICK_BODY:
            assert go_on.wait(30)
        return answer(body, *arguments)

    monkeypatch.setattr(server.service, "answer", slow)
    body = large(images)
    clients = [
        threading.Thread(target=lambda: statuses.append(server.send("POST", "/predict", body)[0]))
        for _ in range(MAX_LARGE_REQUESTS)
    ]
    try:
        for client in clients:
            client.start()
        assert eventually(lambda: server.service.n_large == MAX_LARGE_REQUESTS)
        status, headers, busy = server.send("POST", "/predict", body)
        assert (status, headers["Retry-After"]) == (503, "1")
        assert busy == {"error": rest.BUSY}
        assert server.predict(DRAWING)["predictions"][0]["digit"] == 7
        assert server.send("GET", "/health")[0] == 200
    finally:
        go_on.set()
        for client in clients:
            client.join(30)
    assert statuses == [200] * MAX_LARGE_REQUESTS
    assert (server.service.n_large, server.service.n_running) == (0, 0)


@pytest.mark.parametrize(
    ("body", "quick"),
    [
        (SMALL, True),
        (b'{"image": [%s]}' % b",".join([b"[0.123]"] * 190), True),
        (b'{"strokes": [[%s]]}' % b",".join([b"[1,1]"] * 201), False),
        (b'{"instances": [{"strokes": []},{"strokes": []}]}', False),
        (b'{"image": "iVBORw0KGgo="}', False),
        (b'{"image": "\\u0069VBORw0KGgo="}', False),
        (b" " * (QUICK_BODY + 1), False),
    ],
)
def test_only_small_requests_are_answered_at_once(body, quick):
    assert is_quick(body) is quick


BARE_SERVER = """
import sys
sys.path.insert(0, sys.argv[1])
from rest_server import running
with running() as server:
    print(server.port, flush=True)
    sys.stdin.read()
"""
WORST = {
    "lists": b"[" + b"[]," * 249_000 + b"[]]",
    "objects": b'{"instances":[' + b'{"":0},' * 249_000 + b"{}]}",
    "strings": b"[" + b'"aa",' * (MAX_BODY // 5 - 9) + b'""]',
    "numbers": b"[" + b"-9," * (MAX_BODY // 3 - 9) + b"0]",
    "wide text": '["😀'.encode() + b"a" * (MAX_BODY - 20) + b'"]',
    "keys": b"{" + b",".join(b'"%06x":1' % i for i in range(MAX_BODY // 11)) + b"}",
    "text as a pixel": b'{"image":[' + b'["%s",1],' % (b"1" * (MAX_BODY // 2)) * 1 + b"[1,2]]}",
    "rows": b'{"image":[' + b",".join([b"[%s]" % b",".join([b"0"] * 1024)] * 1024) + b"]}",
    "chunks": b" " * MAX_BODY,
}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("name", WORST)
def test_no_request_takes_200_mb(name):
    folder = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, "-c", BARE_SERVER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(process.stdout.readline())
        body = WORST[name]
        assert MAX_BODY // 8 < len(body) <= MAX_BODY
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        before = peak_memory(process.pid)
        received = exchange(port, head % len(body) + body)
        assert received.startswith(b"HTTP/1.1 400 ")
        assert peak_memory(process.pid) - before < 200
    finally:
        process.communicate()


def peak_memory(pid: int) -> float:
    """The most memory that a process has had, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1000
