"""The JSON body of a prediction request → checked instances, with every bound that there is.

    {"strokes": [[[x, y], …], …], "canvas": 500, "pen": 35.7}    a drawing
    {"image": [[0, 0, …], …]}  or  {"image": "iVBORw0KGgo…"}     a picture: rows, or a base64 PNG
    {"instances": [{"strokes": …}, {"image": …}, [[0, …], …]]}   several, also tensors

A picture is preprocessed as any image. A *tensor*, 28×28 rows without a name as clients of
TensorFlow Serving and KServe send them, enters the network as it is.
"""

import base64
import binascii
import io
import itertools
import json
import reprlib
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from nnlib.preprocessing.drawing import (
    CANVAS_SIDE,
    MAX_COORDINATE,
    Drawing,
    DrawingError,
    check_sizes,
    check_strokes,
)
from nnlib.preprocessing.images import check_image
from nnlib.preprocessing.mnist_format import INK_THRESHOLD, SIDE

MAX_BODY = 4_000_000  # bytes
MAX_LISTS = 250_000  # lists and objects in a body: Python needs about 100 bytes for each
MAX_INSTANCES = 512
MAX_POINTS = 50_000  # of all drawings of a request together
MAX_IMAGE_SIDE = 1_024  # pixels
MAX_PIXELS = 4 * MAX_IMAGE_SIDE**2  # of all pictures of a request together

DRAWING_KEYS = frozenset({"strokes", "canvas", "pen"})
PICTURE_KEYS = frozenset({"image"})
OPTION_KEYS = frozenset({"diagnostics", "model"})
IGNORED_KEYS = frozenset({"signature_name", "parameters"})  # clients of the V1 protocol send them
NUMBERS = frozenset({int, float})
EXAMPLE = '{"strokes": [[[250, 100], [250, 400]]]}'


class RequestError(ValueError):
    """A request cannot be answered; the message says what is wrong with it and what to do."""


@dataclass(frozen=True, eq=False)
class Picture:
    """ink: (h, w) float64 from 0 (paper) to 1, as `check_image` returns it."""

    ink: np.ndarray


@dataclass(frozen=True, eq=False)
class Tensor:
    """input: (28, 28) from 0 to 1, which enters the network as it is."""

    input: np.ndarray


Instance = Drawing | Picture | Tensor


@dataclass(frozen=True, eq=False)
class PredictRequest:
    """What a body asks for. model: the name of one, or None for the server's default."""

    instances: list[Instance]
    diagnostics: bool = False
    model: str | None = None


def read_request(body: bytes) -> PredictRequest:
    """Check a body, UTF-8 JSON of at most `MAX_BODY` bytes.

    Raises RequestError or DrawingError, whose sentence names the instance if there are several.
    """
    tensors = read_integer_tensors(body)
    if tensors is not None and len(tensors) <= MAX_INSTANCES:
        return PredictRequest([Tensor(tensor) for tensor in tensors])
    content = _parse(body)
    if type(content) is not dict:
        raise RequestError(f"The body must be an object such as {EXAMPLE}, not {_shown(content)}.")
    options = {key: content.pop(key) for key in OPTION_KEYS & content.keys()}
    diagnostics, model = options.get("diagnostics", False), options.get("model")
    if type(diagnostics) is not bool:
        raise RequestError(f'"diagnostics" must be true or false, not {_shown(diagnostics)}.')
    if "model" in options and type(model) is not str:
        raise RequestError(f'"model" must be the name of a model, not {_shown(model)}.')
    for key in IGNORED_KEYS & content.keys():
        del content[key]
    return PredictRequest(_read_instances(content), diagnostics, model)


def _read_instances(content: dict[str, Any]) -> list[Instance]:
    budget = _Budget()
    if "instances" not in content:
        return [_read_instance(content, budget)]
    instances = content["instances"]
    _refuse_unknown(content, frozenset({"instances"}))
    if type(instances) is not list or not instances:
        raise RequestError(
            f'"instances" must be a list of at least one drawing or image, not {_shown(instances)}.'
        )
    if len(instances) > MAX_INSTANCES:
        raise RequestError(
            f"There are {len(instances):,} instances; at most {MAX_INSTANCES} are accepted. "
            "Send several requests."
        )
    read: list[Instance] = []
    for number, instance in enumerate(instances, 1):
        try:
            read.append(_read_instance(instance, budget))
        except (RequestError, DrawingError) as error:
            raise type(error)(f"Instance {number}: {error}") from None
    return read


class _Budget:
    """What a request may still ask for; each instance takes its part."""

    def __init__(self) -> None:
        self._points, self._pixels = MAX_POINTS, MAX_PIXELS

    def take_points(self, n: int) -> None:
        self._points -= n
        if self._points < 0:
            raise RequestError(
                f"The request has more than {MAX_POINTS:,} points in all. Send several requests."
            )

    def take_pixels(self, width: int, height: int) -> None:
        if max(width, height) > MAX_IMAGE_SIDE:
            raise RequestError(
                f"The image has {width:,}×{height:,} pixels; at most {MAX_IMAGE_SIDE:,} per side "
                "are accepted. Make it smaller: 28×28 is enough."
            )
        self._pixels -= width * height
        if self._pixels < 0:
            raise RequestError(
                f"The request has more than {MAX_PIXELS:,} pixels in all. "
                "Make the images smaller, or send several requests."
            )


def _read_instance(instance: Any, budget: _Budget) -> Instance:
    if type(instance) is list:
        return _read_tensor(instance, budget)
    if type(instance) is not dict:
        raise RequestError(
            f"A drawing or image must be an object such as {EXAMPLE}, not {_shown(instance)}."
        )
    if "strokes" in instance:
        _refuse_unknown(instance, DRAWING_KEYS)
        return _read_drawing(instance, budget)
    if instance.keys() == {"b64"}:
        instance = {"image": instance}
    if "image" in instance:
        _refuse_unknown(instance, PICTURE_KEYS)
        return _read_picture(instance["image"], budget)
    found = ", ".join(map(_shown, itertools.islice(instance, 5))) or "nothing"
    raise RequestError(
        f'There must be "strokes", "image" or "instances", and there is {found}. '
        f"An example: {EXAMPLE}."
    )


def _refuse_unknown(content: dict[str, Any], known: frozenset[str]) -> None:
    for key in content.keys() - known:
        raise RequestError(
            f"The key {_shown(key)} does not belong here. Known are "
            f"{', '.join(map(_shown, sorted(known)))}; and, at the top, "
            f"{' and '.join(map(_shown, sorted(OPTION_KEYS)))}."
        )


def _read_drawing(instance: dict[str, Any], budget: _Budget) -> Drawing:
    strokes = instance["strokes"]
    if type(strokes) is not list:
        raise RequestError(f'"strokes" must be a list of strokes, not {_shown(strokes)}.')
    for number, stroke in enumerate(strokes, 1):
        if type(stroke) is not list:
            raise RequestError(
                f"Stroke {number} must be a list of points [x, y], not {_shown(stroke)}."
            )
        budget.take_points(len(stroke))
        for index, point in enumerate(stroke, 1):
            if not _is_point(point):
                raise RequestError(
                    f"Point {index} of stroke {number} must be [x, y], two numbers from "
                    f"-{MAX_COORDINATE:,.0f} to {MAX_COORDINATE:,.0f}, not {_shown(point)}."
                )
    for key in ("canvas", "pen"):
        if key in instance and type(instance[key]) not in NUMBERS:
            raise RequestError(f'"{key}" must be a number, not {_shown(instance[key])}.')
    canvas, pen = check_sizes(instance.get("canvas", CANVAS_SIDE), instance.get("pen"))
    return Drawing(check_strokes(strokes), canvas=canvas, pen=pen)


def _is_point(point: Any) -> bool:
    return (
        type(point) is list
        and len(point) == 2
        and type(point[0]) in NUMBERS
        and type(point[1]) in NUMBERS
        and abs(point[0]) <= MAX_COORDINATE >= abs(point[1])
    )


def _read_picture(image: Any, budget: _Budget) -> Picture:
    if type(image) is dict and image.keys() == {"b64"}:
        image = image["b64"]
    if type(image) is str:
        return Picture(check_image(_read_png(image, budget)))
    if type(image) is not list:
        raise RequestError(
            f'"image" must be rows of numbers or a PNG as a base64 string, not {_shown(image)}.'
        )
    return Picture(check_image(_read_pixels(image, budget)))


def _read_tensor(rows: list[Any], budget: _Budget) -> Tensor:
    pixels = _read_pixels(rows, budget)
    if pixels.shape != (SIDE, SIDE):
        height, width = pixels.shape
        raise RequestError(
            f"A tensor has 28×28 numbers, and this one {height}×{width}. "
            'Send an image of another size as {"image": [[…], …]}, to be scaled.'
        )
    if pixels.max() < INK_THRESHOLD:
        raise RequestError("The tensor shows no ink: it is 0 where the paper is, and 1 for ink.")
    if not _border_is_paper(pixels[None]).all():
        raise RequestError(
            "The tensor's border is bright, but in a tensor 0 is the paper and 1 the ink. "
            'Send it as {"image": [[…], …]}, which takes dark ink on bright paper too.'
        )
    return Tensor(pixels)


def _border_is_paper(tensors: np.ndarray) -> np.ndarray:
    """(N, 28, 28) → (N,) bool."""
    sides = tensors[:, [0, -1], :], tensors[:, :, [0, -1]]
    return np.mean([side.mean(axis=(1, 2)) for side in sides], axis=0) <= 0.5


def _read_pixels(rows: list[Any], budget: _Budget) -> np.ndarray:
    """Rows of numbers → (h, w) float64 from 0 to 1.

    Numbers above 1 mean that all are from 0 to 255. 784 numbers without rows are 28×28; pixels
    may be lists of one number.
    """
    if not rows or rows[0] == []:
        raise RequestError("The image is empty: give rows of numbers.")
    if len(rows) == SIDE * SIDE and type(rows[0]) is not list:
        rows = [rows[start : start + SIDE] for start in range(0, SIDE * SIDE, SIDE)]
    for number, row in enumerate(rows, 1):
        if type(row) is not list:
            raise RequestError(f"Row {number} must be a list of numbers, not {_shown(row)}.")
        if len(row) != len(rows[0]):
            raise RequestError(
                f"Row {number} has the length {len(row):,}, and row 1 the length {len(rows[0]):,}. "
                "Give all rows the same length."
            )
    budget.take_pixels(len(rows[0]), len(rows))
    if type(rows[0][0]) is list and len(rows[0][0]) == 1:
        rows = [[p[0] if type(p) is list and len(p) == 1 else p for p in row] for row in rows]
    flat = list(itertools.chain.from_iterable(rows))
    if not NUMBERS.issuperset(map(type, flat)):
        index = next(index for index, pixel in enumerate(flat) if type(pixel) not in NUMBERS)
        row_number = index // len(rows[0]) + 1
        raise RequestError(f"Row {row_number} must hold numbers, not {_shown(flat[index])}.")
    try:
        pixels = np.array(flat, np.float64).reshape(len(rows), -1)
    except OverflowError:  # a whole number that no float can hold
        pixels = np.array([[np.inf]])
    low, high = pixels.min(), pixels.max()
    if low < 0 or high > 255:
        raise RequestError(
            f"A pixel must be a number from 0 to 1, or from 0 to 255, "
            f"not {low if low < 0 else high:g}."
        )
    if 1 < high < 255 * INK_THRESHOLD:
        raise RequestError(
            f"The largest number is {high:g}. Numbers above 1 mean a scale from 0 to 255, on which "
            "that is as good as black: scale them to 0 to 1, or to 0 to 255."
        )
    return pixels / 255 if high > 1 else pixels


def _read_png(text: str, budget: _Budget) -> np.ndarray:
    """A base64 PNG → (h, w) uint8. Transparent pixels are taken to be white.

    Its size is checked before it is unpacked, and no other format is tried.
    """
    from PIL import Image

    _, comma, data = text.partition(",")  # data:image/png;base64,…
    try:
        file = io.BytesIO(base64.b64decode(data if comma else text, validate=True))
    except (binascii.Error, ValueError):
        raise RequestError(f'"image" is not base64: {_shown(text)}.') from None
    try:
        with Image.open(file, formats=["PNG"]) as image:
            budget.take_pixels(*image.size)
            rgba = image.convert("RGBA")
    except RequestError:
        raise
    except Exception:  # Pillow raises many kinds for a damaged file
        raise RequestError(
            f"The image is not a PNG, or it is damaged: {_shown(text)}. Save it as PNG."
        ) from None
    white = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(white, rgba).convert("L"))


def _parse(body: bytes) -> Any:
    if not body.strip():
        raise RequestError(f"The body is empty. Send JSON, such as {EXAMPLE}.")
    if body.count(b"[") + body.count(b"{") > MAX_LISTS:
        raise RequestError(
            f"The body has more than {MAX_LISTS:,} lists and objects. Send several requests."
        )
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except RequestError:
        raise
    except UnicodeDecodeError as error:
        reason = f"byte {error.start + 1:,} is not UTF-8"
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno:,}, column {error.colno:,}"
    except RecursionError:
        reason = "lists are nested too deeply"
    except ValueError:  # Python's limit for whole numbers
        reason = "a number has thousands of digits"
    raise RequestError(f"The body cannot be read as JSON: {reason}.")


def _refuse_constant(name: str) -> NoReturn:
    raise RequestError(f"{name} is not JSON. Every number must be finite.")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


class _Shortened(reprlib.Repr):
    """Values as JSON writes them, and short however large they are."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxlist, self.maxdict = 3, 3, 2
        self.maxstring = self.maxlong = self.maxother = 40

    def repr_str(self, text: str, level: int) -> str:
        end = "" if len(text) <= self.maxstring else "…"
        return json.dumps(text[: self.maxstring] + end, ensure_ascii=False)

    def repr_bool(self, value: bool, level: int) -> str:
        return "true" if value else "false"

    def repr_NoneType(self, value: None, level: int) -> str:
        return "null"


_shown = _Shortened().repr

_PREFIX = b'{"instances":'
_TENSOR_COMMAS = b"[" + b",".join([b"[" + b"," * (SIDE - 1) + b"]"] * SIDE) + b"]"


def read_integer_tensors(body: bytes) -> np.ndarray | None:
    """Tensors of whole numbers from 0 to 255, several times as fast as `json` reads them.

    Returns (N, 28, 28) float32 from 0 to 1 for a body {"instances": [[[0, …], …], …]} without
    anything else in which `read_request` finds no error, and None for any other body.
    """
    if not body.startswith(_PREFIX) or not body.endswith(b"}"):
        return None
    text = body[len(_PREFIX) : -1]
    compact = text.translate(None, b" \n\r\t")
    commas = compact.translate(None, b"0123456789")
    n = max(commas.count(b"[["), 1)
    if (
        commas != b"[" + b",".join([_TENSOR_COMMAS] * n) + b"]"
        or compact[:1] + compact[-1:] != b"[]"
    ):
        return None
    # All commas and brackets are in their places. Are there numbers between all of them? Every
    # symbol is looked at together with its neighbors, but for the first and last.
    symbols = np.frombuffer(compact, np.uint8)
    digits = symbols - np.uint8(ord("0"))  # what is below "0" wraps around
    is_digit = digits < 10
    before, here, after = is_digit[:-2], is_digit[1:-1], is_digit[2:]
    ends = here & ~after
    n_numbers = n_in_text = np.count_nonzero(ends)
    if len(text) > len(compact):  # a number with a space in it would be two
        in_text = np.frombuffer(text, np.uint8) - np.uint8(ord("0")) < 10
        n_in_text = np.count_nonzero(in_text[:-1] & ~in_text[1:])
    if (
        not n_numbers == n_in_text == n * SIDE * SIDE
        or (here & (symbols[:-2] == ord("]"))).any()
        or (here & (symbols[2:] == ord("["))).any()
        or ((symbols[1:-1] == ord("0")) & ~before & after).any()  # 01
        or (before[:-1] & here[:-1] & after[:-1] & after[1:]).any()  # 1000
    ):
        return None
    digits *= is_digit
    values = digits[1:-1].astype(np.uint16)
    values += digits[:-2] * np.uint16(10)
    values[1:] += digits[:-3] * before[1:] * np.uint16(100)
    numbers = np.compress(ends, values)
    tensors = numbers.astype(np.float32).reshape(n, SIDE, SIDE)
    highest = tensors.max(axis=(1, 2))
    tensors /= np.where(highest > 1, np.float32(255), np.float32(1))[:, None, None]
    shows_ink = (highest == 1) | (highest >= 255 * INK_THRESHOLD)
    usable = highest.max() <= 255 and shows_ink.all() and _border_is_paper(tensors).all()
    return tensors if usable else None
