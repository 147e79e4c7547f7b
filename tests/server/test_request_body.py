"""What a request's body may hold: each kind is read, and everything else gets its sentence."""

import base64
import io
import json
import struct
import zlib

import numpy as np
import pytest
from helpers import DIGITS
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nnlib.preprocessing.drawing import Drawing, DrawingError
from nnlib.server.request_body import (
    MAX_IMAGE_SIDE,
    MAX_INSTANCES,
    MAX_LISTS,
    MAX_POINTS,
    Picture,
    RequestError,
    Tensor,
    read_integer_tensors,
    read_request,
)

SEVEN = np.zeros((28, 28), int)
SEVEN[5:8, 8:20], SEVEN[8:23, 14:17] = 255, 200


def read(content):
    return read_request(json.dumps(content).encode())


def read_slowly(body: bytes):
    """As `read_request`, by `json`: no fast path takes a body that begins with a space."""
    return read_request(b" " + body)


def png(image: Image.Image, format: str = "PNG", **options) -> str:
    file = io.BytesIO()
    image.save(file, format, **options)
    return base64.b64encode(file.getvalue()).decode()


def png_header(width: int, height: int, *chunks: tuple[bytes, bytes]) -> str:
    """The base64 of a PNG of these sides, one gray byte a pixel, with more chunks."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), *chunks]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, content in [*parts, (b"IEND", b"")]:
        checksum = zlib.crc32(kind + content)
        data += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
    return base64.b64encode(data).decode()


def test_drawing_is_read_with_its_sizes():
    request = read({"strokes": DIGITS[4], "canvas": 300, "pen": 2.5, "diagnostics": True})
    [drawing] = request.instances
    assert isinstance(drawing, Drawing)
    assert [stroke.tolist() for stroke in drawing.strokes] == DIGITS[4]
    assert (drawing.canvas, drawing.pen) == (300, 2.5)
    assert (request.diagnostics, request.model) == (True, None)


@pytest.mark.parametrize(
    "image",
    [
        SEVEN.tolist(),
        (SEVEN / 255).tolist(),
        SEVEN.ravel().tolist(),
        SEVEN[:, :, None].tolist(),
        (255 - SEVEN).tolist(),
        png(Image.fromarray(SEVEN.astype(np.uint8))),
        "data:image/png;base64," + png(Image.fromarray(SEVEN.astype(np.uint8))),
        {"b64": png(Image.fromarray(SEVEN.astype(np.uint8)))},
    ],
    ids=["bytes", "fractions", "flat", "channel", "dark on bright", "png", "data url", "b64"],
)
def test_picture_is_the_same_in_every_form(image):
    [picture] = read({"image": image}).instances
    assert isinstance(picture, Picture)
    np.testing.assert_allclose(picture.ink, SEVEN / 255, atol=1e-12)


def test_transparent_png_is_on_white_paper():
    pixels = np.zeros((28, 28, 4), np.uint8)  # black ink, as a canvas in a browser exports it
    pixels[..., 3] = SEVEN
    [picture] = read({"image": png(Image.fromarray(pixels))}).instances
    np.testing.assert_allclose(picture.ink, SEVEN / 255, atol=0.01)


@pytest.mark.parametrize("form", [SEVEN, SEVEN / 255, SEVEN[:, :, None], SEVEN.ravel()])
def test_rows_without_a_name_are_a_tensor(form):
    [tensor] = read({"instances": [form.tolist()]}).instances
    assert isinstance(tensor, Tensor)
    np.testing.assert_allclose(tensor.input, SEVEN / 255, atol=1e-7)


def test_clients_of_protocol_v1_may_send_their_keys():
    request = read(
        {"signature_name": "serving_default", "parameters": {}, "instances": [{"b64": GOOD_PNG}]}
    )
    assert isinstance(request.instances[0], Picture)


GOOD_PNG = png(Image.fromarray(SEVEN.astype(np.uint8)))
ROWS = SEVEN.tolist()
WRONG = {
    "empty": (b"", "The body is empty"),
    "half": (b'{"strokes": [[[1,', "cannot be read as JSON: Expecting value at line 1, column 18"),
    "latin 1": (b'{"strokes": "\xe9"}', "byte 14 is not UTF-8"),
    "NaN": (b'{"strokes": [[[1, NaN]]]}', "NaN is not JSON"),
    "infinity": (b'{"image": [[-Infinity]]}', "-Infinity is not JSON"),
    "nested": (b"[" * 100_000, "nested too deeply"),
    "nested objects": (b'{"a":' * 100_000, "nested too deeply"),
    "many lists": (b"[" + b"[]," * MAX_LISTS + b"[]]", "more than 250,000 lists"),
    "thousands of digits": (b'{"strokes": [[[1%s, 1]]]}' % (b"0" * 5000), "thousands of digits"),
    "not an object": ([1, 2], "must be an object such as"),
    "a number": (3, "not 3."),
    "nothing known": ({"stroke": []}, 'and there is "stroke"'),
    "nothing": ({}, "and there is nothing"),
    "unknown key": ({"strokes": DIGITS[1], "colour": 1}, 'The key "colour" does not belong here'),
    "both": ({"strokes": DIGITS[1], "image": ROWS}, 'The key "image" does not belong here'),
    "diagnostics": ({"strokes": DIGITS[1], "diagnostics": 1}, "must be true or false, not 1."),
    "model": ({"strokes": DIGITS[1], "model": None}, "must be the name of a model, not null."),
    "strokes text": ({"strokes": "[[1,2]]"}, 'must be a list of strokes, not "[[1,2]]".'),
    "stroke": ({"strokes": [[[1, 2]], {"x": 1}]}, 'Stroke 2 must be a list of points [x, y], '),
    "point": ({"strokes": [[[1, 2], [3]]]}, "Point 2 of stroke 1 must be [x, y]"),
    "point text": ({"strokes": [[["1", 2]]]}, 'not ["1", 2].'),
    "point flag": ({"strokes": [[[True, 2]]]}, "not [true, 2]."),
    "point null": ({"strokes": [[[None, 2]]]}, "not [null, 2]."),
    "point nested": ({"strokes": [[[[1], 2]]]}, "not [[1], 2]."),
    "far point": ({"strokes": [[[1e7, 2]]]}, "from -1,000,000 to 1,000,000, not [10000000.0, 2]."),
    "overflow": (b'{"strokes": [[[1e999, 2]]]}', "not [inf, 2]."),
    "huge": (b'{"strokes": [[[1%s, 2]]]}' % (b"0" * 4000), "not [1000000000000000"),
    "no strokes": ({"strokes": []}, "The drawing is empty"),
    "empty strokes": ({"strokes": [[], []]}, "The drawing is empty"),
    "many strokes": ({"strokes": [[[1, 2]]] * 1001}, "has 1,001 strokes"),
    "many points": ({"strokes": [[[1, 2]] * 20_001]}, "has 20,001 points"),
    "points in all": (
        {"instances": [{"strokes": [[[1, 2]] * 10_001]}] * 5},
        f"Instance 5: The request has more than {MAX_POINTS:,} points in all",
    ),
    "canvas": ({"strokes": DIGITS[1], "canvas": "500"}, '"canvas" must be a number, not "500".'),
    "canvas 0": ({"strokes": DIGITS[1], "canvas": 0}, "The canvas must be a number from 1"),
    "pen": ({"strokes": DIGITS[1], "pen": None}, '"pen" must be a number, not null.'),
    "pen infinite": (b'{"strokes": [[[1, 2]]], "pen": 1e999}', "The pen must be a number above 0"),
    "image number": ({"image": 5}, "must be rows of numbers or a PNG as a base64 string, not 5."),
    "image empty": ({"image": []}, "The image is empty"),
    "image empty row": ({"image": [[]]}, "The image is empty"),
    "image row": ({"image": [[0, 1], 5]}, "Row 2 must be a list of numbers, not 5."),
    "image ragged": ({"image": [[0, 1], [1]]}, "Row 2 has the length 1, and row 1 the length 2"),
    "image text": ({"image": [[0, "1"]]}, 'Row 1 must hold numbers, not "1".'),
    "image long text": ({"image": [[0, "1" * 1_000_000]] * 3}, "Row 1 must hold numbers, not"),
    "image colors": ({"image": [[[0, 0, 0]]]}, "Row 1 must hold numbers, not [0, 0, 0]."),
    "image negative": ({"image": [[0, -0.5]]}, "from 0 to 255, not -0.5."),
    "image large": ({"image": [[0, 256]]}, "from 0 to 255, not 256."),
    "image overflow": (b'{"image": [[0, 1e999]]}', "from 0 to 255, not inf."),
    "image huge": (b'{"image": [[0, 1%s]]}' % (b"0" * 4000), "from 0 to 255, not inf."),
    "image between": ({"image": [[0, 1.5]]}, "The largest number is 1.5."),
    "image blank": ({"image": [[0.5] * 9] * 9}, "The image shows no ink"),
    "image wide": ({"image": [[0] * (MAX_IMAGE_SIDE + 1)]}, "The image has 1,025×1 pixels"),
    "base64": ({"image": "digit.png"}, 'is not base64: "digit.png".'),
    "base64 unicode": ({"image": "ï"}, "is not base64"),
    "png": ({"image": base64.b64encode(b"%!PS-Adobe-3.0 EPSF").decode()}, "is not a PNG"),
    "jpeg": ({"image": png(Image.new("L", (28, 28)), "JPEG")}, "is not a PNG"),
    "gif": ({"image": png(Image.new("L", (28, 28)), "GIF")}, "is not a PNG"),
    "png cut": ({"image": GOOD_PNG[:80]}, "is not a PNG, or it is damaged"),
    "png bomb": ({"image": png_header(60_000, 60_000)}, "is not a PNG"),
    "png large": ({"image": png(Image.new("1", (9000, 9000)))}, "has 9,000×9,000 pixels"),
    "png 0": ({"image": png_header(0, 0)}, "is not a PNG"),
    "png text bomb": (
        {"image": png_header(8, 8, *[(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))] * 3)},
        "is not a PNG",
    ),
    "b64 number": ({"instances": [{"b64": 5}]}, "Instance 1: \"image\" must be rows"),
    "instances": ({"instances": {"strokes": DIGITS[1]}}, '"instances" must be a list'),
    "no instances": ({"instances": []}, '"instances" must be a list of at least one'),
    "many instances": ({"instances": [0] * (MAX_INSTANCES + 1)}, "There are 513 instances"),
    "instance": ({"instances": [{"strokes": DIGITS[1]}, 5]}, "Instance 2: A drawing or image must"),
    "instance key": ({"instances": [{"strokes": DIGITS[1], "model": "a"}]}, '"model" does not bel'),
    "instance empty": ({"instances": [{"strokes": [[]]}]}, "Instance 1: The drawing is empty"),
    "beside instances": ({"instances": [ROWS], "canvas": 5}, '"canvas" does not belong here'),
    "tensor size": ({"instances": [ROWS, [[0, 1]]]}, "Instance 2: A tensor has 28×28 numbers, and"),
    "tensor blank": ({"instances": [[[0] * 28] * 28]}, "Instance 1: The tensor shows no ink"),
    "tensor bright": ({"instances": [(255 - SEVEN).tolist()]}, "The tensor's border is bright"),
    "tensor large": ({"instances": [[[0] * 27 + [256]] * 28]}, "from 0 to 255, not 256."),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_body_gets_its_sentence(name):
    body, sentence = WRONG[name]
    with pytest.raises((RequestError, DrawingError)) as caught:
        read_request(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 400


def test_pixels_of_all_pictures_are_bounded():
    picture = {"image": png(Image.fromarray(np.kron(SEVEN, np.ones((36, 36))).astype(np.uint8)))}
    assert len(read({"instances": [picture] * 4}).instances) == 4
    with pytest.raises(RequestError, match="Instance 5: The request has more than 4,194,304 pix"):
        read({"instances": [picture] * 5})


keys = st.sampled_from(["strokes", "image", "instances", "b64", "canvas", "pen", "model"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | keys, inner),
    max_leaves=30,
)


@given(st.dictionaries(keys, anything) | anything)
@settings(max_examples=400)
def test_any_json_is_read_or_refused_in_a_sentence(content):
    try:
        read(content)
    except (RequestError, DrawingError) as error:
        assert str(error).endswith(".")


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_in_a_sentence(body):
    with pytest.raises(RequestError):
        read_request(body)


# The fast path for tensors of whole numbers, against `json`.


def bodies(separators) -> bytes:
    return json.dumps({"instances": [ROWS, (SEVEN // 2).tolist()]}, separators=separators).encode()


COMPACT, SPACED = bodies((",", ":")), bodies((", ", ": "))


@pytest.mark.parametrize("body", [COMPACT, SPACED, SPACED.replace(b"], ", b"],\n\t")])
def test_integer_tensors_are_read_fast(body):
    tensors = read_integer_tensors(body)
    expected = [instance.input for instance in read_slowly(body).instances]
    np.testing.assert_allclose(tensors, expected, atol=1e-7)


def test_integer_tensors_of_0_and_1_are_not_scaled():
    body = json.dumps({"instances": [(SEVEN > 0).astype(int).tolist(), ROWS]}).encode()
    np.testing.assert_array_equal(read_integer_tensors(body)[0], SEVEN > 0)


@pytest.mark.parametrize(
    ("place", "with_number"),
    [
        (b"],[", b"]5,["),
        (b"],[", b"],5["),
        (b"]],[[", b"]5],[["),
        (b"]],[[", b"]],[5["),
        (b":[[[", b":5[[["),
        (b":[[[", b":[5[["),
        (b"]]]}", b"]]5]}"),
        (b"]]]}", b"]]]5}"),
        (b"[[[", b"[[["),
        (b"0,0", b"0,00"),
        (b"0,0", b"0,0 0"),
        (b"0,0", b"0,1000"),
        (b"0,0", b"0,256"),
        (b"0,0", b"0,-1"),
    ],
)
def test_fast_path_refuses_misplaced_and_odd_numbers(place, with_number):
    body = COMPACT.replace(place, with_number, 1)
    if with_number.count(b"5") == 1 or place == with_number:  # as many numbers as there should be
        body = body.replace(b"[0,", b"[,", 1)
    assert body != COMPACT
    assert read_integer_tensors(body) is None
    with pytest.raises(RequestError):
        read_request(body)


@given(
    st.sampled_from([COMPACT, SPACED]),
    st.lists(
        st.tuples(
            st.integers(0, len(COMPACT)),
            st.integers(0, 3),
            st.sampled_from([b"", b"0", b"7", b"00", b",", b"[", b"]", b" ", b"],[", b"]],[["])
            | st.binary(max_size=2),
        ),
        min_size=1,
        max_size=3,
    ),
)
@settings(max_examples=400)
def test_fast_path_never_differs_from_json(body, edits):
    for start, n_removed, inserted in edits:
        body = body[:start] + inserted + body[start + n_removed :]
    fast = read_integer_tensors(body)
    if fast is not None:  # accepted: then `json` accepts the same
        expected = [instance.input for instance in read_slowly(body).instances]
        np.testing.assert_allclose(fast, expected, atol=1e-7)


@given(st.lists(st.integers(0, 300), min_size=784, max_size=784), st.booleans())
def test_fast_path_agrees_on_any_numbers(numbers, spaced):
    content = {"instances": [np.reshape(numbers, (28, 28)).tolist()]}
    body = json.dumps(content, separators=None if spaced else (",", ":")).encode()
    fast = read_integer_tensors(body)
    try:
        [tensor] = read_slowly(body).instances
    except RequestError:
        assert fast is None
    else:
        np.testing.assert_allclose(fast, [tensor.input], atol=1e-7)
