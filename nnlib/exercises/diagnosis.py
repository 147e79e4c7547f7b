"""What is wrong with an answer, in a sentence that does not give the right one away.

The usual mistakes have names: the transpose, the wrong sign, a missing 1/N, percent for a
fraction, a forgotten rint, the wrong shape or type, and so on.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def is_unanswered(yours: object) -> bool:
    """Whether an answer is `...`, or a tuple, list or dict that holds one."""
    if isinstance(yours, Mapping):
        yours = list(yours.values())
    if isinstance(yours, tuple | list):
        return any(is_unanswered(part) for part in yours)
    return yours is ...


def number_or_none(value: object) -> float | None:
    """A finite number as float; None for anything else, text and True included."""
    if isinstance(value, bool | str | bytes) or value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def is_right(yours: object, expected: object, tolerance: float) -> bool:
    """Whether an answer is right: same structure, same shape, each number close enough."""
    if expected is None or isinstance(expected, str | bool):
        if isinstance(yours, str) and isinstance(expected, str):
            return yours.strip().lower() == expected.strip().lower()
        return type(yours) in (type(expected), np.bool_) and bool(yours == expected)
    if isinstance(expected, Mapping):
        return (
            isinstance(yours, Mapping)
            and yours.keys() == expected.keys()
            and all(is_right(yours[key], expected[key], tolerance) for key in expected)
        )
    if isinstance(expected, tuple | list) and not _is_numeric(expected):
        return (
            isinstance(yours, tuple | list)
            and len(yours) == len(expected)
            and all(is_right(a, b, tolerance) for a, b in zip(yours, expected, strict=True))
        )
    mine, right = _numbers(yours), _numbers(expected)
    if mine is None or right is None or mine.shape != right.shape:
        return False
    return _close(mine, right, tolerance) and not _are_floats_for_integers(yours, expected)


def find_problem(
    yours: object, expected: object, tolerance: float, lengths: Collection[int] = ()
) -> str:
    """What is wrong with an answer that is not right.

    lengths: of the arrays that went in, among them the N by which one may forget to divide.
    """
    if yours is None:
        return "It is None. Does the function end with a return?"
    if callable(yours):
        return "That is a function itself. Call it: write its name with (…) behind."
    if isinstance(expected, str | bool):
        return _problem_of_choice(yours, expected)
    if isinstance(expected, tuple | list) and not _is_numeric(expected):
        return _problem_of_parts(yours, expected, tolerance, lengths)
    if _holds_text(yours):
        return "That is text. Write numbers, without quotation marks."
    if isinstance(expected, tuple) and number_or_none(yours) is not None:
        return f"{len(expected)} numbers are asked for, in one tuple; there is only one."
    if isinstance(yours, Mapping | set):
        return f"That is a {type(yours).__name__}. A number or an array is asked for."
    if hasattr(yours, "__next__"):
        return "That is a generator. Make an array of it."
    if isinstance(yours, tuple) and any(np.ndim(part) for part in yours):
        if isinstance(expected, tuple):
            return _problem_of_parts(yours, expected, tolerance, lengths)
        return f"That is a tuple of {len(yours)}; one array is asked for."
    mine, right = _numbers(yours), _numbers(expected)
    if mine is None or right is None:
        return "That is no array of numbers: its rows have different lengths, or hold other things."
    if mine.shape != right.shape:
        return _problem_of_shape(mine, right, tolerance)
    if np.isnan(mine).any() and not np.isnan(right).any():
        return "There is a nan in it: 0/0, 0 · log 0, inf - inf, or an exp that overflowed."
    if np.isinf(mine).any() and not np.isinf(right).any():
        return "There is an inf in it: a division by 0, a log of 0, or an exp that overflowed."
    if _close(mine, right, tolerance):  # then only the type is wrong
        return "The numbers are right, but they are floats. Whole numbers: .astype(int)."
    return (
        _named_mistake(mine, right, tolerance, lengths)
        if mine.ndim
        else _named_mistake_of_number(mine, right, tolerance, lengths)
    )


def _named_mistake(a: Array, b: Array, tolerance: float, lengths: Collection[int]) -> str:
    """The mistake in an array of the right shape."""
    if a.ndim == 2 and a.shape[0] == a.shape[1] and _close(a.T, b, tolerance):
        return "This is the transpose."
    if _close(-a, b, tolerance):
        return "The sign is wrong everywhere."
    if _is_rounding(a, b, tolerance):
        return "The numbers are not rounded to whole ones: np.rint."
    factor = _common_factor(a, b, tolerance)
    if factor is not None:
        shares = bool(((b >= 0) & (b <= 1)).all())  # only these may be mistaken for percent
        return _problem_of_factor(factor, lengths, percent=shares and factor > 1)
    if b.size > 1:
        if np.ptp(a - b) <= tolerance * max(1.0, np.abs(a - b).max()):
            return "Every number is off by the same amount."
        if _close(1 - a, b, tolerance):
            return "Each number is 1 minus what it should be."
        if (b >= 0).all() and (a >= 0).all():
            if _close(a**2, b, tolerance):
                return "A square root is taken too often, or a square is missing."
            if _close(np.sqrt(a), b, tolerance):
                return "A square root is missing, or a square is taken too often."
        if a.ndim == 1 and _close(a[::-1], b, tolerance):
            return "The numbers are right, in reverse order."
        if _close(np.sort(a, axis=None), np.sort(b, axis=None), tolerance):
            return "The numbers are right, but in another order."
    off = np.abs(a - b) > tolerance * np.maximum(np.abs(b), _scale(b))
    where = [int(i) for i in np.argwhere(off)[0]]
    good = a.size - int(off.sum())
    if np.abs(a - b).max() <= 0.02 * _scale(b):
        return f"It is close, but not close enough; {good} of {a.size} numbers are right."
    return f"{good} of {a.size} numbers are right; the first that is not stands at {where}."


def _named_mistake_of_number(a: Array, b: Array, tolerance: float, lengths: Collection[int]) -> str:
    """The mistake in a single number. Less is said about it than about an array: a factor of 2,
    say, would be the answer."""
    yours, right = float(a), float(b)
    if _close(-a, b, tolerance):
        return "The sign is wrong."
    for factor in (100.0, 0.01, *map(float, lengths), *(1 / n for n in lengths if n)):
        if right and factor != 1 and math.isclose(yours, factor * right, rel_tol=tolerance):
            return _problem_of_factor(factor, lengths, percent=True)
    if 0 < right < 1 and math.isclose(1 - yours, right, rel_tol=tolerance):
        return "That is 1 minus what is asked for, such as the errors in place of the accuracy."
    if right > 0 and right != 1 and yours > 0:
        if math.isclose(yours**2, right, rel_tol=tolerance):
            return "A square root is taken too often, or a square is missing."
        if math.isclose(math.sqrt(yours), right, rel_tol=tolerance):
            return "A square root is missing, or a square is taken too often."
        for base in (2, 10):
            if math.isclose(yours * math.log(base), right, rel_tol=tolerance):
                return f"That is the logarithm to base {base}; the natural one is np.log."
    if right.is_integer() and not yours.is_integer() and round(yours) == right:
        return "It is not rounded to a whole number."
    return "It is too large." if yours > right else "It is too small."


def _problem_of_factor(factor: float, lengths: Collection[int], percent: bool) -> str:
    for n in lengths:
        if n > 1 and math.isclose(factor, n, rel_tol=1e-4):
            return f"It is {n} times too large. Is the 1/N of a mean missing?"
        if n > 1 and math.isclose(factor, 1 / n, rel_tol=1e-4):
            return f"It is {n} times too small. Is it divided by {n} once too often?"
    if percent and math.isclose(factor, 100, rel_tol=1e-4):
        return "That is percent; a fraction is asked for."
    if percent and math.isclose(factor, 0.01, rel_tol=1e-4):
        return "That is a fraction; percent is asked for."
    return "Every number is off by the same factor. Which constant is missing, or one too many?"


def _problem_of_shape(a: Array, b: Array, tolerance: float) -> str:
    shapes = f"Its shape is {_shape(a)}; {_shape(b)} is asked for."
    if a.ndim == 2 and a.T.shape == b.shape:
        same = _close(a.T, b, tolerance)
        return "This is the transpose." if same else f"{shapes} Is a factor transposed, or swapped?"
    if b.ndim == 0:
        return f"{shapes} One number: is a sum or a mean missing?"
    if a.ndim == 0:
        return f"{shapes} Was the sum or mean taken over all axes, in place of one?"
    if a.size == b.size and _close(a.reshape(b.shape), b, tolerance):
        return f"The numbers are right, but the shape is {_shape(a)}, not {_shape(b)}."
    if a.ndim == b.ndim + 1 and a.shape[0] == a.shape[1] == b.shape[0]:
        return f"{shapes} An (N, 1) and an (N,) broadcast to a table of all pairs."
    if a.ndim == b.ndim == 1:
        return f"{shapes} Is it the right axis that was summed or looked up?"
    return shapes


def _problem_of_choice(yours: object, expected: str | bool) -> str:
    if isinstance(expected, bool):
        is_boolean = isinstance(yours, bool | np.bool_)
        return "It is the other one." if is_boolean else "Answer True or False."
    if not isinstance(yours, str):
        return 'Answer with text in quotation marks, such as "a".'
    return "That is not it."


def _problem_of_parts(
    yours: object, expected: tuple[Any, ...] | list[Any], tolerance: float, lengths: Collection[int]
) -> str:
    if not isinstance(yours, tuple | list):
        return f"{len(expected)} things are asked for, in one tuple; there is only one."
    if len(yours) != len(expected):
        return f"{len(expected)} things are asked for; there are {len(yours)}."
    for number, (mine, right) in enumerate(zip(yours, expected, strict=True), start=1):
        if not is_right(mine, right, tolerance):
            problem = find_problem(mine, right, tolerance, lengths)
            return f"Number {number} of the {len(expected)}: {problem}"
    raise AssertionError("all parts are right")


def _is_numeric(value: object) -> bool:
    """Whether a tuple or list is a plain table of numbers, not a collection of arrays."""
    if not isinstance(value, tuple | list):
        return False
    return all(
        _is_numeric(part) or (number_or_none(part) is not None and not isinstance(part, np.ndarray))
        for part in value
    )


def _holds_text(value: object) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_holds_text, value))
    return isinstance(value, str | bytes)


def _numbers(value: object) -> Array | None:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return None
    return array.astype(np.float64) if array.dtype.kind in "biuf" else None


def _are_floats_for_integers(yours: object, expected: object) -> bool:
    """Whether an array of floats stands where whole numbers, such as indices, are needed."""
    return (
        isinstance(yours, np.ndarray)
        and yours.ndim > 0
        and yours.dtype.kind == "f"
        and np.asarray(expected).dtype.kind in "iu"
    )


def _close(a: Array, b: Array, tolerance: float) -> bool:
    if a.shape != b.shape:
        return False
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= tolerance * np.maximum(np.abs(b), _scale(b))
    return bool((near | (a == b) | (np.isnan(a) & np.isnan(b))).all())


def _scale(b: Array) -> float:
    """How large a difference may be, before the tolerance: gradients are much smaller than 1."""
    largest = float(np.abs(b).max(initial=0.0))
    return min(1.0, largest) or 1.0


def _common_factor(a: Array, b: Array, tolerance: float) -> float | None:
    """The factor by which all numbers are off, if there is one."""
    there = np.abs(b) > 1e-3 * np.abs(b).max(initial=0.0)
    if not there.any() or not np.isfinite(a).all():
        return None
    factor = float(np.median(a[there] / b[there]))
    if factor == 0 or not np.isfinite(factor) or (b.size < 2 and factor not in (100.0, 0.01)):
        return None
    return factor if _close(a / factor, b, max(tolerance, 1e-6)) else None


def _is_rounding(a: Array, b: Array, tolerance: float) -> bool:
    whole = _close(np.rint(b), b, 1e-12) and not _close(np.rint(a), a, 1e-12)
    return whole and _close(np.rint(a), b, tolerance)


def _shape(array: Array) -> str:
    return str(array.shape) if array.ndim else "() (one number)"
