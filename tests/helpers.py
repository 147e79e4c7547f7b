"""Drawings and small tools that several test files share, the drawings also with benchmarks."""

import os
import tracemalloc
import zlib
from contextlib import contextmanager

import numpy as np
from hypothesis import strategies as st

from nnlib.datasets.splits import Split
from nnlib.preprocessing.mnist_format import INK_THRESHOLD
from nnlib.recognition.recognizer import Recognizer
from nnlib.training.callbacks import Callback

# In shares of the pad, from 0 to 1 with y down: one list of (x, y) for each stroke.
SEVEN = [
    [(0.25, 0.20), (0.50, 0.19), (0.74, 0.20), (0.62, 0.45), (0.52, 0.66), (0.46, 0.84)],
    [(0.40, 0.52), (0.56, 0.51), (0.72, 0.50)],
]
ONE = [[(0.50, 0.18), (0.50, 0.50), (0.49, 0.82)]]

# One drawing for each digit, in pixels of a canvas of 500×500.
DIGITS = {
    0: [[[250, 100], [180, 160], [165, 260], [190, 360], [255, 400], [320, 350], [335, 240],
         [310, 140], [250, 100]]],
    1: [[[250, 100], [250, 400]]],
    2: [[[160, 170], [190, 120], [250, 100], [310, 130], [320, 190], [160, 400], [340, 400]]],
    3: [[[170, 130], [240, 100], [310, 140], [300, 210], [230, 240], [310, 270], [325, 340],
         [260, 400], [165, 370]]],
    4: [[[220, 100], [160, 280], [340, 280]], [[290, 180], [280, 410]]],
    5: [[[320, 100], [200, 100], [185, 230], [270, 220], [325, 290], [290, 380], [170, 390]]],
    6: [[[290, 100], [200, 220], [170, 330], [220, 400], [300, 380], [310, 300], [250, 260],
         [180, 310]]],
    7: [[[160, 110], [340, 110], [220, 400]]],
    8: [[[310, 150], [250, 100], [190, 150], [300, 310], [310, 370], [250, 400], [190, 350],
         [300, 200], [310, 150]]],
    9: [[[310, 170], [250, 110], [190, 170], [230, 240], [310, 200], [310, 170], [295, 400]]],
}  # fmt: skip

# Unusual drawings that are accepted all the same.
ODD_STROKES = {
    "dot": [[[250, 250]]],
    "corners": [[[0, 0]], [[500, 500]]],
    "outside": [[[-300, 2000], [900, -70]]],
    "far": [[[1e6, -1e6], [-1e6, 1e6]]],
    "tiny": [[[3, 3], [3, 3 + 1e-9]]],
    "one pixel": [[[0, 0], [1.0000001, 0]]],
}

# Any one to four strokes of one to six points on that canvas.
point = st.tuples(st.floats(0, 500), st.floats(0, 500))
some_strokes = st.lists(st.lists(point, min_size=1, max_size=6), min_size=1, max_size=4)


def extent(strokes) -> float:
    """The longer side of the box that holds all points."""
    return np.ptp(np.concatenate([np.asarray(stroke) for stroke in strokes]), axis=0).max()


def ink_size(image: np.ndarray, threshold: float = INK_THRESHOLD) -> tuple[int, int]:
    """Width and height, in pixels, of the box that holds all ink above the threshold."""
    width, height = (np.ptp(np.flatnonzero((image > threshold).any(axis=a))) + 1 for a in (0, 1))
    return int(width), int(height)


def npy_header(shape, descr: str = "<f4") -> bytes:
    """The start of an .npy file that promises an array of this shape."""
    header = str({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def gzip_bomb(start: bytes, size: int, filling: bytes = b"\0") -> bytes:
    """A .gz of about a thousandth of the size that it unpacks to: `start`, then `filling`."""
    packer, block = zlib.compressobj(9, wbits=31), filling * 1_000_000
    parts = [packer.compress(start), *(packer.compress(block) for _ in range(size // len(block)))]
    return b"".join([*parts, packer.flush()])


@contextmanager
def memory_below(limit: int):
    """Fails if Python and NumPy allocate more than so many bytes in the block."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


class PickleBomb:
    """An object whose pickle makes a folder when it is loaded."""

    def __init__(self, folder) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def random_split(n: int, seed: int = 0, width: int = 6) -> Split:
    """Random images (n, width), each with one of three labels."""
    rng = np.random.default_rng(seed)
    return Split(rng.random((n, width), np.float32), rng.integers(3, size=n))


class Interrupt(Callback):
    """Interrupts training in the epoch after so many epochs."""

    def __init__(self, epochs: int):
        self.epochs = epochs

    def on_step(self, run):
        if len(run.history) == self.epochs:
            raise KeyboardInterrupt


class MirroringRecognizer(Recognizer):
    """Preprocesses as any Recognizer, then mirrors; `calls` holds each call's arguments.

    Whatever shows the mirrored images leaves preprocessing to the recognizer it was given.
    """

    def __init__(self, network):
        super().__init__(network)
        self.calls = []

    def preprocess(self, strokes, *arguments, **options):
        self.calls.append((strokes, arguments, options))
        return np.fliplr(super().preprocess(strokes, *arguments, **options))
