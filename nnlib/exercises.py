"""Exercises that are checked: is the reader's answer right, and if not, what is wrong with it?

answer = ...                           the reader replaces the dots
check_answer("loss", answer, 0.693)    prints what is right or wrong
"""

import numpy as np


def check_answer(name: str, yours: object, expected: object, tolerance: float = 1e-6) -> None:
    """Print whether an answer is right; if not, what is off: shape, row, by how much.

    yours: the reader's answer; `...` stands for one not given yet. expected: a number or an
    array. tolerance: the largest difference that counts as right, absolute or relative.
    Nothing is raised, so a notebook runs to its end with all exercises open.
    """
    if yours is ...:
        print(f"{name}: not answered yet. Replace the … above and run the cell again.")
        return
    try:
        a, b = np.asarray(yours, np.float64), np.asarray(expected, np.float64)
    except (TypeError, ValueError):
        print(f"{name}: expected numbers, yours is {type(yours).__name__}: {yours!r}")
        return
    if a.shape != b.shape:
        print(f"{name}: expected the shape {b.shape}, yours has {a.shape}.")
        return
    off = np.abs(a - b) / np.maximum(np.abs(b), 1.0)
    off = np.where(np.isfinite(a), off, np.inf)
    if off.max(initial=0.0) <= tolerance:
        print(f"{name}: right.")
        return
    worst = np.unravel_index(off.argmax(), off.shape)
    where = f" at {list(map(int, worst))}" if a.ndim else ""
    wrong = f" {np.sum(off > tolerance)} of {a.size} numbers are off; the worst," if a.ndim else ""
    print(f"{name}:{wrong} expected {b[worst]:.6g}, yours {a[worst]:.6g}{where}.")
