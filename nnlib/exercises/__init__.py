"""Exercises that are checked: is the reader's answer right, and if not, what went wrong?

    check_answer("flat index", (row, column))          a value
    softmax = check_function("softmax", softmax)       a function: yours if right, else nnlib's
    check_prediction("accuracy", guess, measured)      a guess, once the answer has been measured
    show_hint("softmax")                               the next hint

kinds       what an exercise is
diagnosis   what is wrong with an answer, in a sentence
chapter_01  the exercises of notebook 01: expected answers, hints, usual mistakes; and so on

An expected value is never printed, and nothing is raised: a notebook runs to its end with all
exercises open.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

import numpy as np

from nnlib.exercises.diagnosis import is_unanswered, number_or_none
from nnlib.exercises.kinds import Answer, Exercise, Function, NotAnswered

CHAPTERS = ("chapter_01", "chapter_02", "chapter_03", "chapter_04", "chapter_05", "chapter_06")

Kind = TypeVar("Kind", bound=Exercise)

# Per exercise, in this session.
_wrong_tries: dict[str, int] = {}
_hints_shown: dict[str, int] = {}


def check_answer(name: str, yours: object, **context: Any) -> None:
    """Print whether an answer is right; if not, the likely mistake and a hint.

    name: of the exercise. yours: a number, an array, text, a tuple of such, or a dict of such,
    which gets a verdict on each entry; `...` stands for an answer not given yet.
    context: what the expected answer is computed from, where it depends on the notebook's data.
    """
    exercise = _find(name, Answer)
    expected = exercise.expected_in(context)
    if isinstance(expected, Mapping):
        _check_entries(name, exercise, yours, expected, context)
    elif is_unanswered(yours):
        print(f"{name}: not answered yet. {_how_to_start(name)}")
    else:
        _reply(name, exercise, exercise.problem(yours, context))


def check_function(name: str, yours: Any) -> Callable[..., Any]:
    """Print whether a function is right, and return the one that the notebook goes on with.

    name: of the exercise. yours: the reader's function; it is called with small arrays.
    Returns `yours` if it is right, otherwise nnlib's.
    """
    exercise = _find(name, Function)
    try:
        problem = exercise.problem(yours)
    except NotAnswered:
        print(f"{name}: not answered yet. {_how_to_start(name)}")
    else:
        if problem is None:
            print(f"{name}: right. The notebook goes on with your version.")
            return yours
        _reply(name, exercise, problem)
    print("  Until then, the notebook goes on with nnlib's version.")
    return exercise.library


def check_prediction(
    name: str,
    guess: object,
    measured: float | str,
    unit: str = "",
    close: float | None = None,
    choices: str = "",
) -> None:
    """Print how a guess, made before the measurement, compares with what was measured.

    guess: a number, or a choice such as "b". measured: the number, or the right choice.
    unit: printed after numbers; "%" stands for percent. close: the largest difference that
    still counts as a good guess; a tenth of the measured value if not given, 3 for percents.
    choices: what may be guessed, such as "a, b, c"; anything else gets no verdict.
    """
    if is_unanswered(guess):
        print(f"{name}: no prediction yet. Make one first: you remember what surprises you.")
        return
    if isinstance(measured, str):
        if choices and str(guess).strip().lower() not in choices.lower().split(", "):
            print(f"{name}: choose among {choices}, not {guess}.")
            return
        right = str(guess).strip().lower() == measured.lower()
        print(f"{name}: {'right, it is' if right else f'you said {guess}; it is'} {measured}.")
        return
    number = number_or_none(guess)
    if number is None:
        print(f"{name}: a prediction is one number here, such as 42, not {guess!r}.")
        return
    if close is None:
        close = 3.0 if unit == "%" else 0.1 * abs(measured)
    difference = number - measured
    space = " " if unit else ""
    said = f"You said {_short(number)}{space}{unit}; it is {_short(measured)}{space}{unit}."
    if _short(number) == _short(measured):
        print(f"{name}: right, it is {_short(measured)}{space}{unit}.")
    elif abs(difference) <= close:
        print(f"{name}: close. {said}")
    elif unit == "%" and 0 < number <= 1 < abs(measured):
        print(f"{name}: write percent, not a fraction: {_short(100 * number)} for {number:g}.")
    else:
        print(f"{name}: too {'high' if difference > 0 else 'low'}. {said}")


def show_hint(name: str) -> None:
    """Print the next hint for an exercise; after the last one, where its solution is."""
    exercise = _find(name, Exercise)
    print(f"{name}: {_next_hint(name, exercise)}")


@cache
def all_exercises() -> dict[str, Exercise]:
    """The exercises of all chapters by name. Raises ValueError if a name is used twice."""
    found: dict[str, Exercise] = {}
    for chapter in CHAPTERS:
        exercises = importlib.import_module(f"nnlib.exercises.{chapter}").EXERCISES
        if twice := found.keys() & exercises.keys():
            raise ValueError(f"{chapter} uses exercise names that are taken: {sorted(twice)}.")
        found |= exercises
    return found


def _find(name: str, kind: type[Kind]) -> Kind:
    exercise = all_exercises().get(name)
    if not isinstance(exercise, kind):
        names = ", ".join(sorted(all_exercises()))
        raise ValueError(f"There is no such exercise: {name!r}. The exercises are {names}.")
    return exercise


def _check_entries(
    name: str,
    exercise: Answer,
    yours: object,
    expected: Mapping[str, object],
    context: Mapping[str, Any],
) -> None:
    """A verdict on each entry; one hint for all."""
    entries = yours if isinstance(yours, Mapping) else {}
    wrong = False
    width = max(map(len, expected))
    for key in expected:
        entry = entries.get(key, ...)
        if is_unanswered(entry):
            verdict = "not answered yet."
        else:
            problem = exercise.problem(entry, context, key)
            verdict = "right." if problem is None else f"not right yet. {problem}"
            wrong = wrong or problem is not None
        print(f"{key:{width}}  {verdict}")
    if wrong:
        print(_after_wrong_try(name, exercise))


def _reply(name: str, exercise: Exercise, problem: str | None) -> None:
    if problem is None:
        print(f"{name}: right.")
        return
    print(f"{name}: not right yet. {problem}")
    print(f"  {_after_wrong_try(name, exercise)}")


def _after_wrong_try(name: str, exercise: Exercise) -> str:
    """First only the mistake is named; from the second wrong try on there are hints."""
    _wrong_tries[name] = _wrong_tries.get(name, 0) + 1
    if _wrong_tries[name] == 1:
        return f'Try again, or ask for a hint: show_hint("{name}").'
    return _next_hint(name, exercise)


def _next_hint(name: str, exercise: Exercise) -> str:
    shown = _hints_shown.get(name, 0)
    if shown >= len(exercise.hints):
        return 'The solution is folded below, under "Solution".'
    _hints_shown[name] = shown + 1
    return f"Hint {shown + 1} of {len(exercise.hints)}: {exercise.hints[shown]}"


def _how_to_start(name: str) -> str:
    return f'Replace the … above, or ask for help: show_hint("{name}").'


def _short(number: float) -> str:
    if abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{np.round(number, 1):g}" if abs(number) >= 10 else f"{number:.3g}"
