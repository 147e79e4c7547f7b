"""What an exercise prints: it is all the help that a reader gets."""

import numpy as np
import pytest

import nnlib.exercises
from nnlib.exercises import check_answer, check_function, check_prediction, show_hint
from nnlib.exercises.kinds import Answer, Function
from nnlib.nn.losses import softmax

X = np.random.default_rng(0).random((8, 3))
TABLE = np.array([[1.0, 2.0], [3.0, 5.0]])


def descend(parameters, gradients, rate):
    parameters -= rate * gradients


@pytest.fixture(autouse=True)
def exercises(monkeypatch) -> dict:
    """Exercises of the tests in place of the notebooks', and no hints shown yet."""
    found = {
        "softmax": Function(
            ("First hint.", "Second hint."),
            library=softmax,
            cases=lambda: [(TABLE,), (np.array([[1000.0, 0.0]]),)],
            mistakes=((lambda Z: np.exp(Z) / np.exp(Z).sum(), "Each row is divided by all."),),
        ),
        "descend": Function(
            ("Hint.",),
            library=descend,
            cases=lambda: [(np.ones(3), np.arange(3.0), 0.1)],
            changes_input=True,
        ),
        "copy": Function(("Hint.",), library=np.copy, cases=lambda: [(TABLE,)]),
        "batches": Function(
            ("Hint.",),
            library=lambda n: iter(range(n)),
            judge=lambda yours: None if len(list(yours(3))) == 3 else "The last one is missing.",
        ),
        "gradients": Answer(
            ("Hint.",), expected=lambda X: {"dW": X.T @ X / len(X), "db": X.sum(axis=0)}
        ),
    }
    monkeypatch.setattr(nnlib.exercises, "all_exercises", lambda: found)
    monkeypatch.setattr(nnlib.exercises, "_hints_shown", {})
    monkeypatch.setattr(nnlib.exercises, "_wrong_tries", {})
    return found


@pytest.mark.parametrize(
    ("yours", "expected", "reply"),
    [
        (..., 1.0, "not answered yet"),
        ((3, ...), (3, 4), "not answered yet"),
        (3, 3, "right."),
        (0.6931472, np.log(2), "right."),
        ([1, 2], (1.0, 2.0), "right."),
        (TABLE.astype(np.float32), TABLE, "right."),
        ("B ", "b", "right."),
        (True, True, "right."),
        ([], [], "right."),
        (np.int64(3), 3, "right."),
        (TABLE.T, TABLE, "transpose"),
        (np.ones((3, 2)), np.ones((2, 3)), "transpose"),
        (np.zeros((3, 2)), np.ones((2, 3)), "Is a factor transposed"),
        (-TABLE, TABLE, "sign"),
        (-0.5, 0.5, "sign"),
        (10 * TABLE, TABLE / 10, "percent; a fraction"),
        (0.01 * TABLE, TABLE, "same factor"),
        (0.42, 42.0, "fraction; percent"),
        (7 * TABLE, TABLE, "same factor"),
        (TABLE + 1, TABLE, "same amount"),
        (1 - TABLE, TABLE, "1 minus"),
        (0.1, 0.9, "1 minus"),
        (TABLE**2, TABLE, "square root is missing"),
        (np.sqrt(TABLE), TABLE, "square is missing"),
        (4.0, 2.0, "square root is missing"),
        (np.log2(5), np.log(5), "base 2"),
        ([3.0, 2.0, 1.0], [1.0, 2.0, 3.0], "reverse"),
        ([3.0, 1.0, 2.0], [1.0, 2.0, 3.0], "another order"),
        (np.array([1.2, 2.9]), np.array([1, 3]), "rint"),
        (2.8, 3, "not rounded"),
        (np.array([1.0, 3.0]), np.array([1, 3]), "floats"),
        ([np.nan, 1], [1, 1], "nan"),
        ([np.inf, 1], [1, 1], "inf"),
        (np.zeros(3), np.zeros((3, 1)), "the shape is (3,), not (3, 1)"),
        (np.zeros((3, 3)), np.zeros(3), "table of all pairs"),
        (np.zeros(3), np.zeros(4), "right axis"),
        (5.0, np.ones(2), "over all axes"),
        (np.ones(2), 5.0, "sum or a mean missing"),
        ([1, 2, 9], [1, 2, 3], "2 of 3 numbers are right; the first that is not stands at [2]"),
        ([1.5, 2.501], [1.5, 2.5], "close enough"),
        (8.0, 5.0, "too large"),
        (2.0, 5.0, "too small"),
        ("seven", 7, "without quotation marks"),
        (("1", "2"), (1, 2), "without quotation marks"),
        (1, (1, 2), "2 numbers are asked for"),
        (None, [1, 2], "return"),
        (max, 3, "Call it"),
        ({1, 2}, [1, 2], "set"),
        ([[1, 2], [3]], [1, 2], "different lengths"),
        (iter([1, 2]), [1, 2], "generator"),
        ("a", "b", "That is not it"),
        (3, "b", "quotation marks"),
        (False, True, "other one"),
        ("yes", True, "True or False"),
        ((TABLE, 1.0), (TABLE, 2.0), "Number 2 of the 2"),
        ((TABLE,), (TABLE, TABLE), "2 things are asked for; there are 1"),
        (TABLE, (TABLE, TABLE), "in one tuple"),
        ((TABLE, TABLE), TABLE, "one array"),
        ((np.ones(3), np.ones(3)), (1.5, 1.0), "Number 1 of the 2: Its shape is (3,)"),
    ],
)
def test_an_answer_gets_a_diagnosis(yours, expected, reply, exercises, capsys):
    exercises["x"] = Answer(("Hint.",), expected=expected)
    check_answer("x", yours)
    printed = capsys.readouterr().out
    assert printed.startswith("x: ") and reply in printed
    needs_hint = reply not in ("right.", "not answered yet")
    assert ('ask for a hint: show_hint("x")' in printed) == needs_hint
    assert "Hint." not in printed  # first the mistake, then the hints


@pytest.mark.parametrize(
    ("yours", "reply"), [(8 * X, "1/N"), (X / 8, "once too often"), (3 * X, "same factor")]
)
def test_a_missing_mean_is_seen_from_the_context(yours, reply, exercises, capsys):
    exercises["x"] = Answer(("Hint.",), expected=lambda X: X)
    check_answer("x", yours, X=X)
    assert reply in capsys.readouterr().out


def test_a_mistake_of_the_exercise_comes_before_the_usual_ones(exercises, capsys):
    exercises["x"] = Answer((), expected=3, mistakes=((-3, "Count from the other end."),))
    check_answer("x", -3)
    assert "Count from the other end." in capsys.readouterr().out


def test_a_mistake_that_gives_nan_explains_nothing(exercises, capsys):
    exercises["x"] = Answer((), expected=3.0, mistakes=((np.nan, "Never say this."),))
    check_answer("x", 1.0)
    assert "too small" in capsys.readouterr().out


def test_a_small_gradient_is_compared_with_its_own_size(exercises, capsys):
    """Numbers near 1e-7 are not right only because they are small."""
    exercises["x"] = Answer((), expected=1e-7 * TABLE)
    check_answer("x", 2e-7 * TABLE)
    check_answer("x", 1e-7 * TABLE)
    wrong, right = (line for line in capsys.readouterr().out.splitlines() if "x:" in line)
    assert "same factor" in wrong and right == "x: right."


def test_hints_come_one_by_one_then_the_solution(capsys):
    for _ in range(3):
        check_function("softmax", np.exp)
    show_hint("softmax")
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in lines if "hint" in line.lower() or "olution" in line] == [
        'Try again, or ask for a hint: show_hint("softmax").',
        "Hint 1 of 2: First hint.",
        "Hint 2 of 2: Second hint.",
        'softmax: The solution is folded below, under "Solution".',
    ]


def test_each_gradient_of_a_dict_gets_a_verdict(capsys):
    check_answer("gradients", {"dW": X.T @ X, "db": X.sum(axis=0)}, X=X)
    check_answer("gradients", {"dW": ..., "db": X}, X=X)
    check_answer("gradients", "what?", X=X)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("dW  not right yet. It is 8 times") and lines[1] == "db  right."
    assert lines[3] == "dW  not answered yet."
    assert "(8, 3); (3,) is asked for" in lines[4]
    assert lines[6:] == ["dW  not answered yet.", "db  not answered yet."]


def shifted(Z):
    exp = np.exp(Z - Z.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def overflowing(Z):
    return np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)


def in_place(Z):
    Z -= Z.max(axis=1, keepdims=True)
    return overflowing(Z)


def of_all(Z):
    return np.exp(Z) / np.exp(Z).sum()


def half_filled(Z):
    exp = ...
    return exp / exp.sum()


def unfinished_in_place(Z):
    Z = Z + 1
    Z += ...
    return Z


def raising(Z):
    return Z @ Z[0, 0]


@pytest.mark.parametrize(
    ("yours", "reply"),
    [
        (shifted, "softmax: right. The notebook goes on with your version."),
        (..., "not answered yet"),
        (lambda Z: ..., "not answered yet"),
        (half_filled, "not answered yet"),
        (of_all, "Each row is divided by all."),
        (overflowing, "nan"),
        (in_place, "It changes its input Z in place"),
        (unfinished_in_place, "not answered yet"),
        (lambda Z: None, "not answered yet"),
        (lambda Z: print(end=""), "return"),
        (raising, "It raises ValueError"),
        (raising, "It happens in the line: return Z @ Z[0, 0]"),
        (lambda: 1, "It raises TypeError"),
        (7, "not a function, but int"),
    ],
)
def test_the_notebook_goes_on_with_a_right_function(yours, reply, capsys):
    used = check_function("softmax", yours)
    printed = capsys.readouterr().out
    assert reply in printed
    assert used is (yours if yours is shifted else softmax)
    assert ("goes on with nnlib's version" in printed) == (used is softmax)


def test_a_function_must_change_its_input_if_it_says_so(capsys):
    assert check_function("descend", lambda p, g, rate: p - rate * g) is descend
    assert "p is unchanged after the call" in capsys.readouterr().out

    def ascend(p, g, rate):
        p += rate * g

    check_function("descend", ascend)
    assert "p after the call: 1 of 3" in capsys.readouterr().out

    def mine(p, g, rate):
        p[:] = p - rate * g

    assert check_function("descend", mine) is mine


def test_a_view_in_place_of_a_copy_is_noticed(capsys):
    check_function("copy", lambda A: A[:])
    assert "a view of its input" in capsys.readouterr().out
    assert check_function("copy", np.array) is np.array


def test_a_judge_decides_what_cannot_be_compared(capsys):
    check_function("batches", lambda n: range(n - 1))
    assert "The last one is missing." in capsys.readouterr().out
    check_function("batches", lambda n: range(n))
    assert "right." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("guess", "measured", "unit", "reply"),
    [
        (..., 41.8, "%", "no prediction yet"),
        (40, 41.8, "%", "close. You said 40 %; it is 41.8 %."),
        (41.8, 41.83, "%", "right, it is 41.8 %."),
        (90, 41.83, "%", "too high. You said 90 %; it is 41.8 %."),
        (0.4, 41.8, "%", "write percent, not a fraction: 40 for 0.4."),
        (10, 101_770, "", "too low. You said 10; it is 101,770."),
        (100_000, 101_770, "", "close."),
        ("a", "a", "", "right, it is a."),
        ("B", "a", "", "you said B; it is a."),
        (5, "5", "", "right, it is 5."),
        ("forty", 41.8, "%", "one number here"),
        (None, 41.8, "%", "one number here"),
    ],
)
def test_a_prediction_gets_a_verdict(guess, measured, unit, reply, capsys):
    check_prediction("p", guess, measured, unit)
    assert reply in capsys.readouterr().out


def test_a_guess_that_is_no_choice_gets_no_verdict(exercises, capsys):
    check_prediction("p", "fat", "thick", choices="thick, thin")
    assert capsys.readouterr().out == "p: choose among thick, thin, not fat.\n"
    exercises["x"] = Answer((), expected="rows", choices=("rows", "axes"))
    check_answer("x", "row")
    assert "Choose among rows, axes." in capsys.readouterr().out


def test_an_unknown_exercise_is_named():
    with pytest.raises(ValueError, match=r"no such exercise: 'sotfmax'.*softmax"):
        check_function("sotfmax", softmax)
