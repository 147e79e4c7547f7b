"""What an exercise is: an answer to give, or a function to write."""

import copy
import inspect
import linecache
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlib.exercises.diagnosis import find_problem, is_right, is_unanswered

Arguments = tuple[Any, ...]


class NotAnswered(Exception):
    """The reader's function is still empty."""


@dataclass(frozen=True)
class Exercise:
    """hints: shown one by one, after each wrong try; none of them is the answer."""

    hints: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Answer(Exercise):
    """A value to find.

    expected: the value, or a function of the context that the notebook passes. A dict asks for
    a dict, and each of its entries gets a verdict.
    mistakes: (wrong value, or a function of the context, what is wrong with it); for a dict
    the wrong values are dicts that may leave entries out.
    tolerance: the largest difference that counts as right, absolute, or relative above 1.
    choices: the words to choose among, where the answer is one of them.
    """

    expected: Any
    choices: Sequence[str] = ()
    mistakes: Sequence[tuple[Any, str]] = ()
    tolerance: float = 1e-5

    def expected_in(self, context: Mapping[str, Any]) -> Any:
        """The expected answer, given what the notebook passes."""
        return _value(self.expected, context)

    def problem(
        self, yours: object, context: Mapping[str, Any], key: str | None = None
    ) -> str | None:
        """What is wrong with an answer, or with the entry `key` of a dict; None if it is right."""
        expected = self.expected_in(context)
        expected = expected if key is None else expected[key]
        if is_right(yours, expected, self.tolerance):
            return None
        if self.choices and str(yours).strip().lower() not in self.choices:
            return f"Choose among {', '.join(self.choices)}."
        for mistake, sentence in self.mistakes:
            wrong = _value(mistake, context)
            if key is not None:
                wrong = wrong.get(key) if isinstance(wrong, Mapping) else None
            if wrong is not None and is_right(yours, wrong, self.tolerance):
                return sentence
        return find_problem(yours, expected, self.tolerance, _lengths(context.values()))


@dataclass(frozen=True, kw_only=True)
class Function(Exercise):
    """A function to write. It is called on small cases, and compared with one that is right.

    library: the function that the notebook uses until the reader's is right.
    cases: gives a list of tuples of arguments; each call gets its own copies.
    reference: what to compare with, if not `library`.
    mistakes: (wrong function, what is wrong with it).
    changes_input: the function must change its arguments in place; they are compared too.
    returns: applied to each result before it is compared, such as `list` for a generator.
    judge: for what cannot be compared, takes the reader's function and returns None or what is
    wrong with it.
    """

    library: Callable[..., Any]
    cases: Callable[[], Sequence[Arguments]] = lambda: ()
    reference: Callable[..., Any] | None = None
    mistakes: Sequence[tuple[Callable[..., Any], str]] = ()
    tolerance: float = 1e-5
    changes_input: bool = False
    returns: Callable[[Any], Any] | None = None
    judge: Callable[[Callable[..., Any]], str | None] | None = None

    def problem(self, yours: Any) -> str | None:
        """What is wrong with the reader's function; None if it is right.

        Raises NotAnswered if it is `...`, returns `...`, or fails because of a `...` in it.
        """
        if yours is ... or _is_empty(yours):
            raise NotAnswered
        if not callable(yours):
            return f"That is not a function, but {type(yours).__name__}. Is the def line there?"
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for arguments in self.cases():
                    problem = self._problem_in(yours, arguments)
                    if problem is not None:
                        return problem
                return None if self.judge is None else self.judge(yours)
        except NotAnswered:
            raise
        except Exception as error:
            if _is_from_ellipsis(error, yours):
                raise NotAnswered from None
            return _explain(error, yours)

    def _problem_in(self, yours: Callable[..., Any], arguments: Arguments) -> str | None:
        my_arguments, right_arguments = copy.deepcopy(arguments), copy.deepcopy(arguments)
        result = self._call(yours, my_arguments)
        right = self._call(self.reference or self.library, right_arguments)
        names = _parameter_names(yours, len(arguments))
        problem = self._compare(result, my_arguments, right, right_arguments, arguments, names)
        if problem is None or _has_nan(result):
            return problem
        for mistake, sentence in self.mistakes:
            wrong_arguments = copy.deepcopy(arguments)
            try:
                wrong = self._call(mistake, wrong_arguments)
            except Exception:  # a mistake need not work in every case
                continue
            same = is_right(result, wrong, self.tolerance)
            if same and _all_right(my_arguments, wrong_arguments, self.tolerance):
                return sentence
        return problem

    def _call(self, function: Callable[..., Any], arguments: Arguments) -> Any:
        result = function(*arguments)
        if is_unanswered(result):
            raise NotAnswered
        return result if self.returns is None else self.returns(result)

    def _compare(
        self,
        result: Any,
        my_arguments: Arguments,
        right: Any,
        right_arguments: Arguments,
        originals: Arguments,
        names: Sequence[str],
    ) -> str | None:
        lengths = _lengths(originals)
        for name, mine, after, before in zip(
            names, my_arguments, right_arguments, originals, strict=False
        ):
            if not isinstance(before, np.ndarray) or is_right(mine, after, self.tolerance):
                continue
            if not self.changes_input:
                return (
                    f"It changes its input {name} in place. Work on a new array: "
                    f"{name} - 1 makes one, {name} -= 1 does not."
                )
            if np.array_equal(mine, before):
                return (
                    f"{name} is unchanged after the call. {name} = … inside a function only "
                    f"gives a new array this name; {name} -= … or {name}[:] = … changes it."
                )
            problem = find_problem(mine, after, self.tolerance, lengths)
            return f"{name} after the call: {problem}"
        if right is None:
            return None
        if not is_right(result, right, self.tolerance):
            return find_problem(result, right, self.tolerance, lengths)
        if _shares(result, my_arguments) and not _shares(right, right_arguments):
            return "It returns a view of its input: who changes one, changes both. Make a copy."
        return None


def _value(value: Any, context: Mapping[str, Any]) -> Any:
    return value(**context) if callable(value) else value


def _lengths(values: Any) -> set[int]:
    """The lengths of the arrays: the N by which one may have forgotten to divide."""
    return {len(value) for value in values if isinstance(value, np.ndarray) and value.ndim}


def _all_right(mine: Arguments, theirs: Arguments, tolerance: float) -> bool:
    return all(
        is_right(a, b, tolerance)
        for a, b in zip(mine, theirs, strict=True)
        if isinstance(b, np.ndarray)
    )


def _has_nan(result: Any) -> bool:
    is_float = isinstance(result, np.ndarray) and result.dtype.kind == "f"
    return is_float and bool(np.isnan(result).any())


def _parameter_names(function: Callable[..., Any], n: int) -> list[str]:
    """What the reader calls the arguments."""
    names = list(inspect.signature(function).parameters)
    return [*names, *(f"argument {number}" for number in range(len(names) + 1, n + 1))]


def _shares(result: Any, arguments: Arguments) -> bool:
    arrays = [a for a in arguments if isinstance(a, np.ndarray)]
    return isinstance(result, np.ndarray) and any(np.shares_memory(result, a) for a in arrays)


def _is_from_ellipsis(error: Exception, function: Callable[..., Any]) -> bool:
    """Whether the error comes from a `...` that still stands in the reader's function."""
    code = getattr(function, "__code__", None)
    typical = isinstance(error, TypeError) or "ellipsis" in str(error).lower()
    return typical and code is not None and ... in code.co_consts


def _is_empty(function: Callable[..., Any]) -> bool:
    """Whether the body is only `...` or pass, which Python compiles to nothing."""
    code = getattr(function, "__code__", None)
    return code is not None and code.co_code == _EMPTY


_EMPTY = (lambda: None).__code__.co_code


def _explain(error: Exception, function: Callable[..., Any]) -> str:
    """What was raised, and in which line of the reader's function."""
    code = getattr(function, "__code__", None)
    message = str(error).splitlines()[0] if str(error) else "no message"
    sentence = f"It raises {type(error).__name__}: {message.rstrip('.')}."
    for frame, number in traceback.walk_tb(error.__traceback__):
        if code is not None and frame.f_code.co_filename == code.co_filename:
            line = linecache.getline(code.co_filename, number).strip()
            if line:
                sentence += f" It happens in the line: {line}"
    return sentence
