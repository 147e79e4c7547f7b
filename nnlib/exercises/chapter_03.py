"""The exercises of notebook 03: XOR, backward, the gradient check, the training loop."""

import copy
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from nnlib.exercises.diagnosis import find_problem, is_right, is_unanswered
from nnlib.exercises.kinds import Answer, Exercise, Function, NotAnswered
from nnlib.nn.gradcheck import numerical_gradient, relative_error
from nnlib.nn.layers import Layer
from nnlib.nn.losses import cross_entropy, softmax

Array = np.ndarray[Any, np.dtype[Any]]
Parameters = tuple[Array, Array, Array, Array]
Backward = Callable[..., Parameters]

NAMES = ("W1", "b1", "W2", "b2")
TOLERANCE = 1e-7  # the largest relative error of a right gradient, as in the notebook


# What the notebook goes on with while an exercise is open.


def relu_slope(Z: Array) -> Array:
    """1 where the ReLU's input is positive, 0 elsewhere."""
    slope: Array = Z > 0
    return slope


def central_difference(f: Callable[[float], float], x: float, epsilon: float) -> float:
    """The slope of f at x, from one point on either side."""
    return (f(x + epsilon) - f(x - epsilon)) / (2 * epsilon)


def backward(X: Array, Y: Array, params: Parameters, l2: float = 0.0) -> Parameters:
    """The gradients of W1, b1, W2 and b2 for the mean cross-entropy and an L2 penalty."""
    return _backward(X, Y, params, l2)


def gradient_errors(
    backward: Backward, X: Array, Y: Array, params: Parameters, l2: float = 1e-4
) -> dict[str, float]:
    """The relative error of each gradient that `backward` returns, by name."""
    errors = {}
    for name, array, gradient in zip(NAMES, params, backward(X, Y, params, l2), strict=True):
        numerical = numerical_gradient(lambda: _loss(X, Y, params, l2), array)
        errors[name] = relative_error(gradient, numerical)
    return errors


def batches(
    X: Array, Y: Array, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """All rows once, in a random order, `batch_size` at a time."""
    order = rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        rows = order[start : start + batch_size]
        yield X[rows], Y[rows]


def train(
    params: Parameters,
    X: Array,
    Y: Array,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    l2: float = 0.0,
    backward: Backward = backward,
) -> None:
    """Mini-batch gradient descent; changes the arrays in params."""
    for epoch in range(epochs):
        rng = np.random.default_rng([0, epoch])
        for images, targets in batches(X, Y, batch_size, rng):
            gradients = backward(images, targets, params, l2)
            for array, gradient in zip(params, gradients, strict=True):
                array -= learning_rate * gradient


class LeakyReLU(Layer):
    """A ReLU that lets a tenth of what is negative through."""

    slope: Array

    def forward(
        self, X: Array, training: bool = False, rng: np.random.Generator | None = None
    ) -> Array:
        slope = np.where(X > 0, 1.0, 0.1)
        if training:
            self.slope = slope
        return X * slope

    def input_gradient(self, dY: Array) -> Array:
        return dY * self.slope


def image_gradient(X: Array, Y: Array, params: Parameters) -> Array:
    """The gradient of the loss at the images."""
    return _image_gradient(X, Y, params)


# What they are made of, with the usual mistakes built in.


def _forward(X: Array, params: Parameters) -> tuple[Array, Array, Array]:
    W1, b1, W2, b2 = params
    Z1 = X @ W1 + b1
    H1 = np.maximum(Z1, 0)
    return Z1, H1, H1 @ W2 + b2


def _loss(X: Array, Y: Array, params: Parameters, l2: float) -> float:
    penalty = l2 / 2 * (np.sum(params[0] ** 2) + np.sum(params[2] ** 2))
    return float(cross_entropy(_forward(X, params)[2], Y.argmax(axis=1))[0] + penalty)


def _backward(
    X: Array, Y: Array, params: Parameters, l2: float, mistake: str = "none"
) -> Parameters:
    W1, b1, W2, b2 = params
    Z1, H1, Z2 = _forward(X, params)
    dZ2 = (Z2 if mistake == "no softmax" else softmax(Z2)) - Y
    if mistake != "no mean":
        dZ2 /= len(X)
    dW2, db2 = H1.T @ dZ2, dZ2.sum(axis=0)
    dZ1 = dZ2 @ W2.T
    if mistake != "no mask":
        dZ1 *= Z1 > 0
    dW1, db1 = X.T @ dZ1, dZ1.sum(axis=0)
    if mistake == "penalty multiplies":
        return dW1 + l2 * dW1, db1, dW2 + l2 * dW2, db2
    if mistake == "penalty on biases":
        db1, db2 = db1 + l2 * b1, db2 + l2 * b2
    if mistake == "penalty of the squares":
        return dW1 + l2 / 2 * W1**2, db1, dW2 + l2 / 2 * W2**2, db2
    if mistake == "penalty itself":
        return dW1 + l2 / 2 * np.sum(W1**2), db1, dW2 + l2 / 2 * np.sum(W2**2), db2
    if mistake != "no penalty":
        factor = {"half the penalty": l2 / 2, "twice the penalty": 2 * l2}.get(mistake, l2)
        dW1, dW2 = dW1 + factor * W1, dW2 + factor * W2
    if mistake == "other order":
        return dW2, db2, dW1, db1
    return dW1, db1, dW2, db2


def _with(mistake: str) -> Backward:
    def wrong(X: Array, Y: Array, params: Parameters, l2: float = 0.0) -> Parameters:
        return _backward(X, Y, params, l2, mistake)

    return wrong


def _image_gradient(X: Array, Y: Array, params: Parameters, masked: bool = True) -> Array:
    W1, _, W2, _ = params
    Z1, _, Z2 = _forward(X, params)
    dZ1 = (softmax(Z2) - Y) / len(X) @ W2.T
    if masked:
        dZ1 *= Z1 > 0
    dX: Array = dZ1 @ W1.T
    return dX


def _case(n: int = 6, widths: tuple[int, int, int] = (7, 5, 3), seed: int = 0) -> Any:
    """X, Y and parameters of a small network, biases included."""
    rng = np.random.default_rng(seed)
    shapes = [((a, b), (b,)) for a, b in pairwise(widths)]
    params = tuple(rng.normal(size=shape) for pair in shapes for shape in pair)
    return rng.random((n, widths[0])), np.eye(widths[2])[rng.integers(0, widths[2], n)], params


def _seven(X: Array, Y: Array, P: Array, Z1: Array, H1: Array, W2: Array) -> dict[str, Array]:
    dZ2 = (P - Y) / len(X)
    dH1 = dZ2 @ W2.T
    dZ1 = dH1 * (Z1 > 0)
    return {
        "dZ2": dZ2,
        "dW2": H1.T @ dZ2,
        "db2": dZ2.sum(axis=0),
        "dH1": dH1,
        "dZ1": dZ1,
        "dW1": X.T @ dZ1,
        "db1": dZ1.sum(axis=0),
    }


def _seven_unmasked(**context: Array) -> dict[str, Array]:
    dH1 = _seven(**context)["dH1"]
    return {"dZ1": dH1, "dW1": context["X"].T @ dH1, "db1": dH1.sum(axis=0)}


def _seven_times(name: str, follows: bool) -> Callable[..., dict[str, Array]]:
    """dH1 times Z1 or H1, in place of the slope. follows: the gradients computed from it."""

    def wrong(**context: Array) -> dict[str, Array]:
        dZ1 = _seven(**context)["dH1"] * context[name]
        return {"dW1": context["X"].T @ dZ1, "db1": dZ1.sum(axis=0)} if follows else {"dZ1": dZ1}

    return wrong


def _seven_before_relu(**context: Array) -> dict[str, Array]:
    return {"dW2": context["Z1"].T @ _seven(**context)["dZ2"]}


def _xor(X: Array, W1: Array, b1: Array, w2: Array) -> dict[str, Array]:
    Z = X @ W1 + b1
    H = np.maximum(Z, 0)
    return {"Z": Z, "H": H, "s": H @ w2}


def _xor_without_bias(X: Array, W1: Array, b1: Array, w2: Array) -> dict[str, Array]:
    return {"Z": X @ W1}


def _xor_without_relu(X: Array, W1: Array, b1: Array, w2: Array) -> dict[str, Array]:
    return {"H": X @ W1 + b1, "s": (X @ W1 + b1) @ w2}


# Judges: for what cannot be compared number by number.


_BACKWARD_MISTAKES = {
    "no penalty": "The seven lines are right; the penalty's gradient is missing.",
    "penalty multiplies": (
        "The penalty makes the gradient longer. It should add something of the weights."
    ),
    "half the penalty": "The penalty is there, but not its derivative: check the factor.",
    "twice the penalty": "The penalty is there, but not its derivative: check the factor.",
    "penalty of the squares": "That adds the penalty itself. Its derivative is asked for.",
    "penalty itself": "That adds the penalty itself. Its derivative is asked for.",
    "penalty on biases": "The penalty is on weights only; leave biases alone.",
    "no mask": "The slope of the ReLU is missing on the way, or is 1 everywhere.",
    "no mean": "It is N times too large: the loss is a mean.",
    "no softmax": "The logits are not probabilities yet: softmax(Z2).",
}


def _judge_backward(yours: Callable[..., Any]) -> str | None:
    code = getattr(yours, "__code__", None)
    try:
        problem = _problem_in_backward(yours)
    except NotAnswered:
        raise
    except Exception:
        if code is not None and ... in code.co_consts:
            raise NotAnswered from None
        if code is None or "P" not in code.co_names:
            raise
        problem = "It raises an error."
    if problem and code is not None and "P" in code.co_names:
        return (
            "P belongs to the twenty images of the cells above. Inside the function P is "
            "softmax(Z2)."
        )
    return problem


def _problem_in_backward(yours: Callable[..., Any]) -> str | None:
    for (X, Y, params), l2 in ((_case(), 0.0), (_case(seed=1), 0.1)):
        mine_X, mine_Y, mine_params = copy.deepcopy((X, Y, params))
        result = yours(mine_X, mine_Y, mine_params, l2)
        if is_unanswered(result):
            raise NotAnswered
        before, after = (X, Y, *params), (mine_X, mine_Y, *mine_params)
        for name, a, b in zip(("X", "Y", *NAMES), before, after, strict=True):
            if not np.array_equal(a, b):
                return f"It changes {name} in place: {name} + … makes a new array, += does not."
        right = _backward(X, Y, params, l2)
        if not isinstance(result, tuple | list) or len(result) != 4:
            return find_problem(result, right, 1e-5)
        if is_right(result, right, 1e-5):
            continue
        if is_right(result, _backward(X, Y, params, l2, "other order"), 1e-5):
            return "The order should be dW1, db1, dW2, db2."
        for place in (2, 3, 0, 1):  # as they are computed, from the loss back
            if is_right(result[place], right[place], 1e-5):
                continue
            for mistake, sentence in _BACKWARD_MISTAKES.items():
                wrong = _backward(X, Y, params, l2, mistake)[place]
                same = is_right(wrong, right[place], 1e-5)
                if not same and is_right(result[place], wrong, 1e-5):
                    return f"d{NAMES[place]}: {sentence}"
            problem = find_problem(result[place], right[place], 1e-5, {len(X)})
            return f"d{NAMES[place]}: {problem}"
    return None


def _judge_errors(yours: Callable[..., Any]) -> str | None:
    X, Y, params = _case()
    wrong = ("no mask", "penalty multiplies", "no penalty", "no mean")
    for mistake in ("none", *wrong):
        candidate = _with(mistake)
        found = yours(candidate, X, Y, params, 1e-3)
        if is_unanswered(found):
            raise NotAnswered
        if not isinstance(found, Mapping) or sorted(found) != sorted(NAMES):
            return "It should return a dict with the keys W1, b1, W2 and b2."
        right = gradient_errors(candidate, X, Y, params, 1e-3)
        for name in NAMES:
            if not np.isscalar(found[name]):
                return f"The error of {name} is not one number. Use relative_error."
            if right[name] < TOLERANCE < found[name]:
                return (
                    f"It finds an error in d{name} of a backward pass that is right. "
                    "Is the penalty l2 in the loss that you differentiate?"
                )
            if found[name] < TOLERANCE < right[name]:
                return (
                    f"It lets a wrong d{name} pass. "
                    "Is the gradient compared with finite differences of the loss?"
                )
            if right[name] > TOLERANCE and not is_right(found[name], right[name], 0.02):
                return f"The error it gives for a wrong d{name} is not the relative error."
    return None


def _judge_batches(yours: Callable[..., Any]) -> str | None:
    n, size = 23, 5
    X = np.arange(n, dtype=np.float64).reshape(n, 1)
    Y = 10 * X
    code = getattr(yours, "__code__", None)

    def run(seed: int) -> Any:
        return yours(X.copy(), Y.copy(), size, np.random.default_rng(seed))

    result = run(0)
    if result is None:
        if code is not None and ... in code.co_consts:
            raise NotAnswered
        return "It returns nothing. yield hands out a batch and goes on with the loop."
    if is_unanswered(result):
        raise NotAnswered
    if isinstance(result, tuple):
        return (
            "return ends the function after the first batch. yield hands one out, and the loop "
            "goes on."
        )
    pairs = list(result)
    if any(is_unanswered(pair) for pair in pairs):
        raise NotAnswered
    if not pairs or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        return "Each batch should be two arrays: yield images, targets."
    if not all(isinstance(part, np.ndarray) for pair in pairs for part in pair):
        return "A batch should hold arrays: X[rows], with an array of row numbers."
    if any(len(a) != len(b) for a, b in pairs):
        return "A batch has more images than targets, or fewer."
    seen = np.concatenate([np.ravel(a) for a, _ in pairs])
    targets = np.concatenate([np.ravel(b) for _, b in pairs])
    if max(len(a) for a, _ in pairs) != size:
        return "The batches do not have batch_size rows."
    if len(seen) == n - n % size and len(set(seen)) == len(seen):
        return (
            "The last images are lost: 23 images in batches of 5 make four full batches and "
            "one of 3."
        )
    if sorted(seen) != list(range(n)):
        return "Not every image comes exactly once in an epoch."
    if not np.array_equal(targets, 10 * seen):
        return (
            "Images and targets no longer belong together: both need the same row numbers in "
            "the same order."
        )
    if np.array_equal(seen, np.arange(n)):
        return "The images come in the order of the file: the shuffle is missing."
    again = np.concatenate([np.ravel(a) for a, _ in run(1)])
    if np.array_equal(seen, again):
        return "The order is the same in every epoch. Draw it from rng."
    if [len(a) for a, _ in pairs] != [5, 5, 5, 5, 3]:
        return "The batches should have 5, 5, 5, 5 and 3 of 23 images."
    return None


def _judge_train(yours: Callable[..., Any]) -> str | None:
    X, Y, start = _case(n=12)
    calls: list[tuple[int, float]] = []

    def counting(X: Array, Y: Array, params: Parameters, l2: float = 0.0) -> Parameters:
        calls.append((len(X), l2))
        return _backward(X, Y, params, l2)

    def run(epochs: int) -> tuple[Parameters, Parameters]:
        """Parameters after training with the whole batch: the reader's and the right ones."""
        mine, right = tuple(a.copy() for a in start), tuple(a.copy() for a in start)
        yours(mine, X, Y, epochs, 12, 0.5, 0.01, counting)
        train(right, X, Y, epochs, 12, 0.5, 0.01)
        return mine, right

    mine, right = run(1)
    if not calls:
        return "It never calls backward, the argument of that name."
    if all(np.array_equal(a, b) for a, b in zip(mine, start, strict=True)):
        return (
            "The parameters are unchanged. array = … only gives a new array this name; "
            "array -= … changes the one in params."
        )
    if any(np.array_equal(a, b) for a, b in zip(mine, start, strict=True)):
        return "Some of the four arrays in params do not move. Each needs its step."
    if not is_right(calls[0][1], 0.01, 1e-9):
        return "The penalty l2 is not passed on to backward."
    for array, expected, first in zip(mine, right, start, strict=True):
        if is_right(array, expected, 1e-6):
            continue
        if _loss(X, Y, mine, 0.01) > _loss(X, Y, start, 0.01):
            return "The loss rises. The step should go down: against the gradient."
        problem = find_problem(array - first, expected - first, 1e-6, {len(X)})
        return f"The steps are not right. What the parameters moved by: {problem}"
    if not is_right(*run(3), 1e-6):
        return "One epoch is right, three are not. Does each epoch go on where the last ended?"
    calls.clear()
    yours(tuple(array.copy() for array in start), X, Y, 2, 5, 0.1, 0.0, counting)
    if len(calls) != 6:
        return f"12 images in batches of 5 make 3 steps an epoch; two epochs took {len(calls)}."
    sizes = [n for n, _ in calls]
    if sizes == [12] * 6:
        return "Every step uses all images. Give backward the batch: images and targets."
    if sizes != [5, 5, 2] * 2:
        return f"Batches of 5, 5 and 2 images should reach backward; yours have {sizes[:3]}."
    return None


def _judge_leaky(yours: Callable[..., Any]) -> str | None:
    layer = yours()
    X = np.array([[-2.0, 3.0, 0.5], [0.5, -1.0, -4.0]])
    dY = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    slope = np.where(X > 0, 1.0, 0.1)
    try:
        result = layer.forward(X, True, np.random.default_rng(0))
    except TypeError as error:
        if "argument" not in str(error):
            raise
        return (
            "A Network calls forward(X, training, rng). Give yours these arguments too, with "
            "training=False and rng=None."
        )
    if is_unanswered(result):
        raise NotAnswered
    if is_right(result, np.maximum(X, 0), 1e-9):
        return "forward: this is the plain ReLU. Where X is negative, a tenth should come through."
    if not is_right(result, X * slope, 1e-6):
        return f"forward: {find_problem(result, X * slope, 1e-6)}"
    try:
        dX = layer.input_gradient(dY)
    except AttributeError as error:
        return f"input_gradient: {error}. Keep what it needs in forward, as self.slope, say."
    if is_unanswered(dX):
        raise NotAnswered
    if is_right(dX, dY * (X > 0), 1e-9):
        return "input_gradient: this is the plain ReLU's. The slope on the left is not 0."
    if is_right(dX, dY * np.where(dY > 0, 1.0, 0.1), 1e-9):
        return "input_gradient: the slope depends on the sign of X, not on that of dY."
    if not is_right(dX, dY * slope, 1e-6):
        return f"input_gradient: {find_problem(dX, dY * slope, 1e-6)}"
    layer.forward(X)  # at inference, without training and rng
    return None


_FROM_DZ1 = "It is computed from dZ1, which is wrong. Mend that first."

_SLOPE_CASES = [
    (np.array([[-2.0, -0.5, 0.5, 3.0]]),),
    (np.array([[1.0, 0.0], [-1.0, 2.0]]),),
]

EXERCISES: dict[str, Exercise] = {
    "xor by hand": Answer(
        expected=_xor,
        hints=(
            "Z is one matrix product and one sum; the ReLU keeps what is positive.",
            "np.maximum compares entry by entry; H @ (2,) gives one number a point.",
        ),
        mistakes=(
            (_xor_without_bias, "The bias is missing."),
            (_xor_without_relu, "The ReLU is missing: there are negative numbers in H."),
        ),
    ),
    "silent unit": Answer(
        expected={"h": 0, "dh/dw": 0},
        hints=(
            "Compute z first. What does the ReLU make of it?",
            "Move w a little, to 2.01. Does h move?",
        ),
        mistakes=(
            ({"h": -1}, "That is z. Now comes the ReLU."),
            ({"dh/dw": 3}, "That is dz/dw. Times the slope of the ReLU: is z positive?"),
            ({"dh/dw": 2}, "That is w, and belongs to dh/dx; and what does the ReLU do here?"),
        ),
    ),
    "relu slope": Function(
        library=relu_slope,
        returns=lambda slope: np.asarray(slope, dtype=np.float64),
        cases=lambda: _SLOPE_CASES,
        hints=(
            "The slope is 1 where the ReLU lets its input through, and 0 where it does not.",
            "A comparison of an array with 0 gives True and False, which count as 1 and 0.",
        ),
        mistakes=(
            (
                lambda Z: np.ones_like(Z),
                "It is 1 everywhere. Look at the input of the ReLU: its output is never negative.",
            ),
            (
                lambda Z: Z >= 0,
                "At exactly 0 we take the slope to be 0. (Elsewhere yours is right.)",
            ),
            (lambda Z: np.maximum(Z, 0), "That is the ReLU itself, not its slope."),
            (lambda Z: Z < 0, "It is the other way round."),
        ),
    ),
    "dW1 by hand": Answer(
        expected=[[3.0, 1.5], [1.0, 0.5]],
        hints=(
            "Forward first: z and h of both units, then two logits, which are equal again.",
            "dZ2 is P − Y for label 1. Each dH1 is a sum over both classes. Rows are pixels.",
        ),
        mistakes=(
            ([[-3.0, -1.5], [-1.0, -0.5]], "The sign is wrong. The label is 1 now, not 0."),
            ([[3.0, 0.0], [1.0, 0.0]], "Is the lower unit silent this time, too? Compute its z."),
            ([[1.0, 0.5], [2.0, 1.0]], "These are the pixels (1, 2). Now they are (3, 1)."),
        ),
    ),
    "silent by hand": Answer(
        expected={"dW1": [[0.0, 1.5], [0.0, 0.5]], "dW2": [[0.0, 0.0], [1.0, -1.0]]},
        hints=(
            "Forward first. The upper unit's z is negative: what are its h and its dz?",
            "A weight's gradient is the value that enters times the gradient at its other end.",
        ),
        mistakes=(
            ({"dW1": [[3.0, 1.5], [1.0, 0.5]]}, "Is the upper unit still active? Compute its z."),
            (
                {"dW1": [[1.5, 0.0], [0.5, 0.0]]},
                "A column of dW1 belongs to a unit. Which of the two is silent?",
            ),
            ({"dW1": [[0.0, -1.5], [0.0, -0.5]]}, "The sign is wrong: dZ2 is p − y, for class 1."),
            (
                {"dW2": [[-0.5, 0.5], [1.0, -1.0]]},
                "What enters the second layer is h, not z.",
            ),
            (
                {"dW2": [[1.0, -1.0], [0.0, 0.0]]},
                "A row of dW2 belongs to a unit, the upper first.",
            ),
            ({"dW2": [[1.5, -1.5], [1.0, -1.0]]}, "Is the upper unit still active? Compute its z."),
        ),
    ),
    "seven gradients": Answer(
        expected=_seven,
        hints=(
            "Each gradient has the shape of its array. Which product of the two has it?",
            "W's gradient is input.T @ gradient; b's is a sum over rows; H1's comes through W2.T.",
        ),
        mistakes=(
            (_seven_unmasked, "The slope of the ReLU is missing, or is 1 everywhere."),
            (_seven_times("H1", False), "That is dH1 times H1. Its slope is asked for."),
            (
                _seven_times("Z1", False),
                "That is dH1 times Z1. The ReLU's slope there is asked for.",
            ),
            (_seven_times("H1", True), _FROM_DZ1),
            (_seven_times("Z1", True), _FROM_DZ1),
            (_seven_before_relu, "What enters the second layer is H1, not Z1."),
        ),
        tolerance=1e-6,
    ),
    "backward": Function(
        library=backward,
        judge=_judge_backward,
        hints=(
            "The loss is now a sum. The gradient of a sum is the sum of the gradients.",
            "Differentiate λ/2 · w² for a single weight w. What does that make of the matrix?",
        ),
    ),
    "central difference": Function(
        library=central_difference,
        cases=lambda: [(lambda x: x**3, 2.0, 0.1), (np.exp, 0.5, 0.2)],
        hints=(
            "How much does f change from x − ε to x + ε? And how far apart are the two?",
            "The two points are 2ε apart. Mind the parentheses in the denominator.",
        ),
        mistakes=(
            (
                lambda f, x, epsilon: (f(x + epsilon) - f(x)) / epsilon,
                "That looks to one side only. Take a point on either side of x.",
            ),
            (
                lambda f, x, epsilon: (f(x + epsilon / 2) - f(x - epsilon / 2)) / epsilon,
                "As a central difference that is sound, with half the step. Here the two points "
                "lie at distance ε from x, so 2ε apart.",
            ),
            (
                lambda f, x, epsilon: (f(x + epsilon / 2) - f(x - epsilon / 2)) / (2 * epsilon),
                "Points at x ± ε/2 are ε apart, and you divide by 2ε: half the slope.",
            ),
            (
                lambda f, x, epsilon: (f(x + epsilon) - f(x - epsilon)) / epsilon,
                "It is twice too large. How far apart are the two points?",
            ),
            (
                lambda f, x, epsilon: (f(x + epsilon) - f(x - epsilon)) / 2 * epsilon,
                "a / 2 * b multiplies by b. Put the denominator in parentheses.",
            ),
        ),
        tolerance=1e-8,
    ),
    "gradient errors": Function(
        library=gradient_errors,
        judge=_judge_errors,
        hints=(
            "numerical_gradient(f, array) moves every entry of array and calls f() each time.",
            "f has no arguments: lambda: loss(X, Y, params, l2). Then relative_error of the two.",
        ),
    ),
    "planted bugs": Answer(
        expected={"A": "dZ1", "B": "dW2"},
        hints=(
            "Compare line by line with your own seven lines.",
            "A: what does the mask look at? B: what should the penalty add to the gradient?",
        ),
        mistakes=(
            ({"A": "dW1"}, "dW1 does come out wrong, but the mistake is before it."),
            ({"A": "db1"}, "db1 does come out wrong, but the mistake is before it."),
            ({"A": "dH1"}, "dH1 is right. Look one step further."),
            ({"B": "dW1"}, "dW1 comes out wrong, too. Is it the first?"),
        ),
    ),
    "mini-batches": Function(
        library=batches,
        judge=_judge_batches,
        hints=(
            "rng.permutation(n) gives the numbers 0 … n − 1 in random order.",
            "Walk through the order in steps of batch_size: range(0, n, batch_size), and slices.",
        ),
    ),
    "training loop": Function(
        library=train,
        judge=_judge_train,
        hints=(
            "backward takes the batch, the parameters and l2, and returns four gradients.",
            "One step: subtract the learning rate times the gradient, with -=.",
        ),
    ),
    "leaky relu": Function(
        library=LeakyReLU,
        judge=_judge_leaky,
        hints=(
            "Its slope is one of two numbers, depending on the sign of X: np.where.",
            "Keep the slope in forward when training is true; input_gradient multiplies with it.",
        ),
    ),
    "gradient at the pixels": Function(
        library=image_gradient,
        cases=lambda: [_case(), _case(seed=1)],
        hints=(
            "It goes through the same lines as backward, up to dZ1.",
            "For a layer Z = X W + b, what is dX? The shapes leave one product.",
        ),
        mistakes=(
            (
                lambda X, Y, params: _image_gradient(X, Y, params, masked=False),
                "The slope of the ReLU is missing on the way.",
            ),
            (
                lambda X, Y, params: len(X) * _image_gradient(X, Y, params),
                "It is N times too large: the loss is the mean over the batch.",
            ),
        ),
    ),
    "start without relu": Answer(
        expected=float(np.sqrt(1 / 400)),
        hints=(
            "Go back to the formula before the half of the ReLU came in.",
            "The factor n σ² should be 1.",
        ),
        mistakes=(
            (float(np.sqrt(2 / 400)), "That is He's. Its 2 makes up for what the ReLU removes."),
            (1 / 400, "That is the variance; the standard deviation is asked for."),
        ),
        tolerance=1e-4,
    ),
}
