"""The exercises of notebook 04."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlib.exercises.diagnosis import find_problem, is_right
from nnlib.exercises.kinds import Answer, Exercise, Function
from nnlib.nn.network import Network
from nnlib.nn.optimizers import Adam, Momentum

Array = np.ndarray[Any, np.dtype[Any]]
StepFunction = Callable[..., Any]


@dataclass
class State:
    """What an optimizer of notebook 04 remembers from step to step."""

    t: int = 0
    u: Any = 0.0
    m: Any = 0.0
    v: Any = 0.0


# Each step function changes theta in place and keeps its running values in the state s.


def momentum_step(theta: Array, g: Array, s: State, learning_rate: float, beta: float) -> None:
    """nnlib's `Momentum`, as a function."""
    optimizer = Momentum(learning_rate, beta)
    optimizer.v = _as_array(s.u, theta)
    optimizer.step(theta, g)
    s.u = optimizer.v


def rms_step(
    theta: Array,
    g: Array,
    s: State,
    learning_rate: float,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> None:
    """RMS scaling with bias correction: nnlib's `Adam` without the running mean of g."""
    _adam(theta, g, s, Adam(learning_rate, 0.0, beta2, epsilon))


def adam_step(
    theta: Array,
    g: Array,
    s: State,
    learning_rate: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> None:
    """nnlib's `Adam`, as a function."""
    _adam(theta, g, s, Adam(learning_rate, beta1, beta2, epsilon))


def adamw_step(theta: Array, g: Array, s: State, learning_rate: float, decay: float) -> None:
    """Weight decay outside of Adam (Loshchilov & Hutter 2019)."""
    theta -= learning_rate * decay * theta
    adam_step(theta, g, s, learning_rate)


def _adam(theta: Array, g: Array, s: State, optimizer: Adam) -> None:
    optimizer.t, optimizer.m, optimizer.v = s.t, _as_array(s.m, theta), _as_array(s.v, theta)
    optimizer.step(theta, g)
    s.t, s.m, s.v = optimizer.t, optimizer.m, optimizer.v


def _as_array(value: Any, theta: Array) -> Array:
    return np.array(np.broadcast_to(value, theta.shape), theta.dtype)


# How a step function is judged: three steps, compared with the right one line by line.

START = np.array([1.0, -2.0, 0.5])
GRADIENTS = (np.array([2.0, -0.1, 0.4]), np.array([-1.0, -0.3, 0.4]), np.array([0.5, 0.2, -3.0]))
NOT_IN_PLACE = (
    "theta is unchanged after the call. theta = … inside a function only gives a new array this "
    "name; theta -= … changes the one that the caller has."
)


@dataclass(frozen=True)
class _Judge:
    """Compares a step function with the right one, and with usual mistakes.

    lines: the values it has to keep in the state, in the order of its lines.
    """

    reference: StepFunction
    lines: Sequence[str]
    mistakes: Sequence[tuple[StepFunction, str]]
    settings: Mapping[str, float]

    def __call__(self, yours: StepFunction) -> str | None:
        mine, right = self._walk(yours), self._walk(self.reference)
        if self._same(mine, right):
            return None
        if any("g" in snapshot for snapshot in mine):
            return "It changes its input g in place. Work on a new array: 2 * g makes one."
        for mistake, sentence in self.mistakes:
            if self._same(mine, self._walk(mistake)):
                return sentence
        if all(is_right(snapshot["theta"], START, 1e-12) for snapshot in mine):
            return NOT_IN_PLACE
        for number, (after, expected) in enumerate(zip(mine, right, strict=True), start=1):
            for place, line in enumerate(self.lines):
                if not is_right(after[line], expected[line], 1e-6):
                    good = " and ".join(f"s.{name}" for name in self.lines[:place])
                    before = f"{good} {'is' if place == 1 else 'are'} right; " if good else ""
                    verdict = "is not" if good else "is not right"
                    problem = find_problem(after[line], expected[line], 1e-6)
                    return f"In step {number}, {before}s.{line} {verdict}. {problem}"
            if not is_right(after["theta"], expected["theta"], 1e-6):
                kept = " and ".join(f"s.{name}" for name in self.lines)
                change, right_change = after["theta"] - START, expected["theta"] - START
                problem = find_problem(change, right_change, 1e-6)
                which = f"the change of theta in step {number} is not"
                return (
                    f"{kept}: right; {which}. {problem}"
                    if kept
                    else f"T{which[1:]} right. {problem}"
                )
        return None

    def _walk(self, function: StepFunction) -> list[dict[str, Any]]:
        theta, state, snapshots = START.copy(), State(), []
        for gradient in GRADIENTS:
            g = gradient.copy()
            function(theta, g, state, 0.1, **self.settings)
            snapshot = {line: copy.copy(getattr(state, line)) for line in self.lines}
            snapshot["theta"] = theta.copy()
            if not np.array_equal(g, gradient):
                snapshot["g"] = g
            snapshots.append(snapshot)
        return snapshots

    def _same(self, mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> bool:
        return all(is_right(a, b, 1e-6) for a, b in zip(mine, theirs, strict=True))


# Usual mistakes of momentum


def _momentum(
    u: Callable[..., Any], change: Callable[..., Any] = lambda u, g, rate: rate * u
) -> StepFunction:
    def step(theta: Array, g: Array, s: State, learning_rate: float, beta: float) -> None:
        s.u = u(s.u, g, beta, learning_rate)
        theta -= change(s.u, g, learning_rate)

    return step


MOMENTUM_MISTAKES = (
    (
        _momentum(lambda u, g, beta, rate: beta * u + (1 - beta) * g),
        "s.u is a running mean here, with weights that add up to 1. Momentum keeps a running "
        "sum: the new gradient counts in full.",
    ),
    (_momentum(lambda u, g, beta, rate: u + g), "The old velocity is not damped by beta."),
    (
        _momentum(lambda u, g, beta, rate: u + beta * g),
        "beta is at the wrong place: it damps the old velocity, not the new gradient.",
    ),
    (
        _momentum(lambda u, g, beta, rate: beta * g),
        "The old velocity is forgotten: s.u depends on g alone.",
    ),
    (_momentum(lambda u, g, beta, rate: g), "The old velocity is forgotten: s.u is just g."),
    (
        _momentum(lambda u, g, beta, rate: beta * u + g, lambda u, g, rate: rate * g),
        "s.u is right, but the step still follows g. That is gradient descent.",
    ),
    (
        _momentum(lambda u, g, beta, rate: beta * u + g, lambda u, g, rate: u),
        "s.u is right, but the step has no learning rate.",
    ),
    (
        _momentum(lambda u, g, beta, rate: beta * u + g, lambda u, g, rate: -rate * u),
        "s.u is right, but theta goes uphill: the sign of the step is wrong.",
    ),
    (
        _momentum(lambda u, g, beta, rate: beta * u - g, lambda u, g, rate: -rate * u),
        "theta moves as it should, but s.u has the opposite sign. Keep + g in it, and put the "
        "minus into the last line.",
    ),
    (
        _momentum(lambda u, g, beta, rate: beta * (u + g)),
        "beta damps the new gradient, too. Only the old velocity shrinks.",
    ),
    (
        _momentum(lambda u, g, beta, rate: beta * u + rate * g, lambda u, g, rate: u),
        "theta moves as it should, but s.u has the learning rate in it. Keep gradients only in "
        "s.u, and multiply by the rate in the last line; then the rate may change on the way.",
    ),
    (
        _momentum(lambda u, g, beta, rate: beta * u - rate * g, lambda u, g, rate: -u),
        "theta moves as it should, but s.u has the learning rate in it. Keep gradients only in "
        "s.u, and multiply by the rate in the last line; then the rate may change on the way.",
    ),
)


# Usual mistakes of RMS scaling and Adam: one function with a switch for each


def _adam_like(
    beta1_for_rms: float | None = None,
    *,
    square: bool = True,
    swap_weights: bool = False,
    swap_betas: bool = False,
    correct_m: Callable[[float, int], float] = lambda beta, t: 1 - beta**t,
    correct_v: Callable[[float, int], float] = lambda beta, t: 1 - beta**t,
    keep_corrected: bool = False,
    count: bool = True,
    swap_m_v: bool = False,
    root: bool = True,
    epsilon_inside: bool = False,
    own_epsilon: bool = False,
    use_g: bool = False,
    sign: float = -1.0,
    sum_m: bool = False,
    no_brackets: bool = False,
    same_beta: bool = False,
    epsilon_outside: bool = False,
) -> StepFunction:
    """beta1_for_rms: 0 makes it RMS scaling."""

    def step(
        theta: Array,
        g: Array,
        s: State,
        learning_rate: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        s.t += 1 if count else 0
        beta1 = beta1 if beta1_for_rms is None else beta1_for_rms
        beta1, beta2 = (beta2, beta1) if swap_betas else (beta1, beta2)
        epsilon = 1e-8 if own_epsilon else epsilon
        g2 = g * g if square else g
        s.m = beta1 * s.m + (1 if sum_m else 1 - beta1) * g
        s.v = (1 - beta2) * s.v + beta2 * g2 if swap_weights else beta2 * s.v + (1 - beta2) * g2
        beta_of_v = beta1 if same_beta else beta2
        m_hat, v_hat = s.m / correct_m(beta1, s.t), s.v / correct_v(beta_of_v, s.t)
        if no_brackets:
            m_hat, v_hat = s.m - beta1**s.t, s.v - beta2**s.t
        if keep_corrected:
            s.m, s.v = m_hat, v_hat
        if swap_m_v:
            m_hat, v_hat = v_hat, m_hat
        if epsilon_inside:
            size = np.sqrt(v_hat + epsilon)
        else:
            size = (np.sqrt(v_hat) if root else v_hat) + epsilon
        if epsilon_outside:
            size = np.sqrt(v_hat)
            theta -= epsilon
        theta += sign * learning_rate * (g if use_g else m_hat) / size

    return step


def _never(beta: float, t: int) -> float:
    return 1.0


def _from_zero(beta: float, t: int) -> float:
    return 1 - beta ** (t - 1)


def _times(beta: float, t: int) -> float:
    return 1 / (1 - beta**t)


def _complement(beta: float, t: int) -> float:
    return 1 - beta


def _product(beta: float, t: int) -> float:
    return 1 - beta * t


FROM_ZERO = (
    "Steps are counted from 0 here: in the first one the correction divides by 1 - 1 = 0. "
    "After s.t += 1 the first step is number 1."
)
EPSILON_INSIDE = "epsilon is inside the square root. It is added to the root: √v̂ + ε."
OWN_EPSILON = "epsilon is missing, or written as a number. Use the argument."
EPSILON_OUTSIDE = "epsilon is added to the step. Put brackets around √v̂ + ε."
NO_BRACKETS = (
    "/ 1 - beta**s.t divides by 1, and subtracts afterwards. Put brackets around 1 - beta**s.t."
)
SAME_BETA = "v is corrected with beta1. Its own beta is beta2."
NO_ROOT = "The square root is missing: v̂ is the mean of squares, with the unit of g²."
NO_SQUARE = "s.v averages g. It has to average g squared."
UPHILL = "theta goes uphill: the sign of the step is wrong."
COMPLEMENT = (
    "The correction is 1 - beta in every step. It has to approach 1: beta to the power s.t."
)
PRODUCT = "The correction has beta times t; it should be beta to the power t."
KEEP_CORRECTED = (
    "The corrected values are written back into the state, so the next step corrects them again. "
    "Keep s.m and s.v as they are, and give the corrected ones names of their own."
)
NOT_COUNTED = "s.t stays 0. Is the line s.t += 1 still there?"

RMS_MISTAKES = (
    (
        _adam_like(0.0, correct_v=_never),
        "The bias correction is missing: the step divides by the root of s.v, not of v_hat.",
    ),
    (_adam_like(0.0, correct_v=_from_zero), FROM_ZERO),
    (_adam_like(0.0, no_brackets=True), NO_BRACKETS),
    (_adam_like(0.0, epsilon_outside=True), EPSILON_OUTSIDE),
    (_adam_like(0.0, correct_v=_complement), COMPLEMENT),
    (_adam_like(0.0, correct_v=_product), PRODUCT),
    (_adam_like(0.0, correct_v=_times), "The correction multiplies where it should divide."),
    (_adam_like(0.0, epsilon_inside=True), EPSILON_INSIDE),
    (_adam_like(0.0, own_epsilon=True), OWN_EPSILON),
    (_adam_like(0.0, root=False), NO_ROOT),
    (_adam_like(0.0, square=False), NO_SQUARE),
    (
        _adam_like(0.0, swap_weights=True),
        "The weights are swapped: the old mean keeps beta2, the new square gets the rest.",
    ),
    (_adam_like(0.0, keep_corrected=True), KEEP_CORRECTED),
    (_adam_like(0.0, sign=1.0), UPHILL),
    (_adam_like(0.0, count=False), NOT_COUNTED),
)

ADAM_MISTAKES = (
    (
        _adam_like(correct_m=_never, correct_v=_never),
        "Neither correction is used: the step has to take m_hat and v_hat, not s.m and s.v.",
    ),
    (
        _adam_like(correct_m=_never),
        "The correction of m is missing. The first steps are a tenth as long as they should be.",
    ),
    (
        _adam_like(correct_v=_never),
        "The correction of v is missing. The first step is about 30 times too long.",
    ),
    (
        _adam_like(correct_m=_from_zero, correct_v=_from_zero),
        "There is a nan in the first step: 0/0, or the root of a negative number. Has "
        "1 - beta**s.t its brackets? Are the steps counted from 0, so that it is 1 - 1 = 0?",
    ),
    (_adam_like(same_beta=True), SAME_BETA),
    (_adam_like(epsilon_outside=True), EPSILON_OUTSIDE),
    (_adam_like(correct_m=_complement, correct_v=_complement), COMPLEMENT),
    (_adam_like(correct_m=_product, correct_v=_product), PRODUCT),
    (_adam_like(correct_m=_product), PRODUCT),
    (_adam_like(correct_v=_product), PRODUCT),
    (
        _adam_like(correct_m=_times, correct_v=_times),
        "The corrections multiply where they should divide.",
    ),
    (_adam_like(swap_m_v=True), "m and v are swapped in the step: the mean of g goes on top."),
    (
        _adam_like(swap_betas=True),
        "beta1 and beta2 are swapped: v is the one with the long memory.",
    ),
    (_adam_like(epsilon_inside=True), EPSILON_INSIDE),
    (_adam_like(own_epsilon=True), OWN_EPSILON),
    (_adam_like(root=False), NO_ROOT),
    (_adam_like(square=False), NO_SQUARE),
    (_adam_like(use_g=True), "The step follows g, not its running mean. That is RMS scaling."),
    (
        _adam_like(sum_m=True),
        "s.m is a running sum. In Adam it is a mean: the new gradient counts 1 - beta1.",
    ),
    (_adam_like(keep_corrected=True), KEEP_CORRECTED),
    (_adam_like(sign=1.0), UPHILL),
    (_adam_like(count=False), NOT_COUNTED),
)


def _adamw(
    decayed: Callable[[Array, float, float, Array], Array] = lambda theta, rate, decay, g: (
        theta - rate * decay * theta
    ),
    in_gradient: bool = False,
    after: bool = False,
) -> StepFunction:
    def step(theta: Array, g: Array, s: State, learning_rate: float, decay: float) -> None:
        if in_gradient:
            g = g + decay * theta
        elif not after:
            theta[:] = decayed(theta, learning_rate, decay, g)
        adam_step(theta, g, s, learning_rate)
        if after:
            theta[:] = decayed(theta, learning_rate, decay, g)

    return step


ADAMW_MISTAKES = (
    (
        _adamw(lambda theta, rate, decay, g: theta - rate * (1 - decay) * theta),
        "1 - decay is what should stay. Take rate times decay of theta away.",
    ),
    (
        _adamw(lambda theta, rate, decay, g: theta - rate * decay * g),
        "That shrinks by the gradient. It should shrink by theta itself.",
    ),
    (
        _adamw(lambda theta, rate, decay, g: theta - decay * theta),
        "The decay has no learning rate: with decay = 0.3, that much of theta is gone in one step.",
    ),
    (
        _adamw(lambda theta, rate, decay, g: theta - rate * decay),
        "Every parameter shrinks by the same amount. It has to shrink in proportion to itself.",
    ),
    (
        _adamw(lambda theta, rate, decay, g: theta + rate * decay * theta),
        "theta grows: the sign of the decay is wrong.",
    ),
    (
        _adamw(lambda theta, rate, decay, g: theta - rate * theta),
        "decay is missing: theta would lose the share learning_rate of itself.",
    ),
    (
        _adamw(lambda theta, rate, decay, g: theta * rate * decay),
        "theta is replaced by the decay. It has to be reduced by it.",
    ),
    (_adamw(lambda theta, rate, decay, g: theta), "Nothing decays yet: that is plain Adam."),
    (
        _adamw(in_gradient=True),
        "The decay goes through the gradient, and Adam divides it by its own size. That is L2.",
    ),
    (_adamw(after=True), "The decay comes after Adam's step. It should come before."),
)


def _judge_adamw(yours: StepFunction) -> str | None:
    problem = _Judge(adamw_step, (), ADAMW_MISTAKES, {"decay": 0.3})(yours)
    if problem == NOT_IN_PLACE:
        return (
            "theta is unchanged after the call. theta = theta - … makes a new array, Adam's step "
            "changes that one, and the network's own stays as it was."
        )
    return problem


# A gradient that is not linear, so that one-sided differences are found out.


def _gradient(theta: Array) -> Array:
    return np.array([theta[0] ** 3 + theta[1], theta[0] + 4 * theta[1] ** 2])


def hessian_times(
    gradient: Callable[[Array], Array], theta: Array, d: Array, epsilon: float
) -> Array:
    """How the gradient changes along d, per unit: central differences of two gradients."""
    return (gradient(theta + epsilon * d) - gradient(theta - epsilon * d)) / (2 * epsilon)


def update_ratio(before: Array, after: Array) -> float:
    """How far a step moved the weights, as a fraction of their own size."""
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))


def l2_gradient(dW: Array, W: Array, l2: float) -> Array:
    """The gradient of L + l2/2 · ‖W‖², given that of L."""
    return dW + l2 * W


def dropout(H: Array, p: float, training: bool, rng: np.random.Generator) -> Array:
    """In training, zero each unit with probability p and scale the others by 1 / (1 - p)."""
    if not training:
        return H
    kept = rng.random(H.shape) >= p
    return (H * kept / (1 - p)).astype(H.dtype)


def _judge_dropout(yours: Callable[..., Any]) -> str | None:
    """Dropout is random, so its properties are checked."""
    p = 0.2
    H = np.random.default_rng(1).uniform(1.0, 2.0, (400, 50))
    original = H.copy()

    def call(training: bool, seed: int = 0) -> Any:
        result = yours(H, p, training, np.random.default_rng(seed))
        return ... if result is ... else result

    in_training, at_inference = call(True), call(False)
    for result in (in_training, at_inference):
        if result is ...:
            raise TypeError("there is still an ellipsis")  # counts as not answered
    if not np.array_equal(H, original):
        return "It changes its input H in place. Work on a new array."
    for result, when in ((in_training, "In training"), (at_inference, "At inference")):
        if result is None:
            return f"{when} it returns None. Does every path end with a return?"
        if not isinstance(result, np.ndarray) or result.shape != H.shape:
            return f"{when} it should return an array of the shape of H."
    if np.array_equal(in_training, H):
        return "In training nothing is dropped."
    dropped = in_training == 0
    share = float(dropped.mean())
    if not np.array_equal(at_inference, H):
        if (at_inference == 0).any():
            return "Units are dropped at inference too. Without training, return H as it is."
        return "At inference H is scaled. The scaling belongs to training; later, H stays as it is."
    if abs(share - (1 - p)) < 0.02:
        return "It keeps the fraction p and drops the rest. p is the probability of dropping."
    if (dropped == dropped[:1]).all() or (dropped == dropped[:, :1]).all():
        return "Whole rows or columns are dropped. Draw one number for each entry: H.shape."
    if abs(share - p) > 0.02:
        return f"With p = {p:g}, {share:.0%} of the entries are dropped."
    if np.allclose(in_training[~dropped], 1) or np.allclose(in_training[~dropped], 1 / (1 - p)):
        return "That is only the mask. Multiply H by it."
    factors = in_training[~dropped] / H[~dropped]
    if np.allclose(factors, 1):
        return (
            "The survivors are not scaled. The next layer gets less input in training than it "
            "will get at inference."
        )
    if np.allclose(factors, 1 - p):
        return "The survivors are scaled down. They have to make up for those that are missing."
    if np.allclose(factors, 1 / p):
        return "The survivors are divided by p. Which share of the input is left?"
    if not np.allclose(factors, 1 / (1 - p)):
        return "The survivors are scaled by another factor than the one that keeps the mean."
    first, second = call(True, 1), call(True, 2)
    if np.array_equal(first == 0, second == 0):
        return "The same entries are dropped in every call. Draw them anew, from rng."
    again = call(True, 1)
    if not np.array_equal(first, again):
        return "It does not draw from rng: the same generator gives other draws."
    return None


LENGTHS_COMPARED = (
    "That compares the lengths before and after; a vector can turn and keep its length. What is "
    "the length of the change?"
)


def _p_minus_y(network: Network, x: Array, label: int) -> Array:
    P = network.probabilities(x)
    P[0, label] -= 1
    return P


def _logits_minus_y(network: Network, x: Array, label: int) -> Array:
    Z = network.forward(x)
    Z[0, label] -= 1
    return Z


EXERCISES: dict[str, Exercise] = {
    "deep parameters": Answer(
        expected=235_146,
        hints=(
            "A layer from n to k units has one weight for each pair, and one bias for each of its "
            "k outputs.",
            "Add up three layers: 784 → 256, 256 → 128, 128 → 10. Weights and biases.",
        ),
        mistakes=(
            (784 * 256 + 256 * 128 + 128 * 10, "Those are the weights. The biases are missing."),
            (256 + 128 + 10, "Those are the biases. The weights are missing."),
            (
                784 * 256 + 256 * 128 + 128 * 10 + 256 + 128,
                "The biases of the last layer are missing.",
            ),
            (784 * 256 + 256 + 256 * 128 + 128, "The last layer, 128 → 10, is missing."),
            (784 * 256 + 256 + 256 * 10 + 10, "A layer is missing: there are two hidden ones."),
            (235.146, "The point makes it a fraction. Write 235146, or 235_146."),
            (784 * 256 * 128 * 10, "The layers' sizes are multiplied; the layers are to be added."),
            (
                784 * 256 + 256 * 128 + 128 * 10 + 784 + 256 + 128 + 10,
                "The input layer has been given biases. Only a Dense layer's outputs have them.",
            ),
            (
                784 * 256 + 256 * 128 + 128 * 10 + 784 + 256 + 128,
                "A layer has as many biases as outputs, not as inputs.",
            ),
        ),
        tolerance=1e-9,
    ),
    "hessian_times": Function(
        library=hessian_times,
        cases=lambda: [
            (_gradient, np.array([1.0, -0.5]), np.array([0.6, 0.8]), 0.1),
            (_gradient, np.array([0.3, 2.0]), np.array([1.0, 0.0]), 0.5),
        ],
        hints=(
            "One gradient a little ahead along d, one a little behind: how much do they differ?",
            "They are 2ε apart: divide the difference by that.",
        ),
        mistakes=(
            (
                lambda gradient, theta, d, epsilon: (
                    (gradient(theta + epsilon * d) - gradient(theta)) / epsilon
                ),
                "That is a one-sided difference. One step ahead and one back is more exact.",
            ),
            (
                lambda gradient, theta, d, epsilon: (
                    (gradient(theta + epsilon) - gradient(theta)) / epsilon
                ),
                "The steps do not go along d.",
            ),
            (
                lambda gradient, theta, d, epsilon: (
                    (gradient(theta + epsilon * d) - gradient(theta - epsilon * d))
                    / (2 * epsilon * d)
                ),
                "Divide by the distance between the places, a number; d only gives the direction.",
            ),
            (
                lambda gradient, theta, d, epsilon: (
                    (gradient(theta + epsilon * d) - gradient(theta - epsilon * d)) / 2
                ),
                "That is divided by 2 only. How far apart are the two places?",
            ),
            (
                lambda gradient, theta, d, epsilon: (
                    (gradient(theta + epsilon * d) - gradient(theta - epsilon * d)) / epsilon
                ),
                "The two places are 2ε apart, not ε.",
            ),
            (
                lambda gradient, theta, d, epsilon: (
                    (gradient(theta + epsilon * d) - gradient(theta - epsilon * d)) / 2 * epsilon
                ),
                "/ 2 * epsilon multiplies by epsilon. Put brackets: / (2 * epsilon).",
            ),
            (
                lambda gradient, theta, d, epsilon: d,
                "ahead and behind are places; the gradients there are wanted.",
            ),
            (
                lambda gradient, theta, d, epsilon: d * epsilon**2,
                "ahead and behind are places; the gradients there are wanted.",
            ),
            (
                lambda gradient, theta, d, epsilon: 2 * epsilon * d,
                "ahead and behind are places; the gradients there are wanted.",
            ),
            (
                lambda gradient, theta, d, epsilon: (
                    gradient(theta + epsilon * d) - gradient(theta - epsilon * d)
                ),
                "That is the difference of the gradients. Divide it by the distance.",
            ),
            (
                lambda gradient, theta, d, epsilon: (
                    (gradient(theta + epsilon) - gradient(theta - epsilon)) / (2 * epsilon)
                ),
                "The steps do not go along d.",
            ),
            (
                lambda gradient, theta, d, epsilon: (
                    (gradient(theta - epsilon * d) - gradient(theta + epsilon * d)) / (2 * epsilon)
                ),
                "The sign is wrong everywhere: ahead minus behind.",
            ),
        ),
    ),
    "momentum_step": Function(
        library=momentum_step,
        hints=(
            "The first line damps the old velocity by beta and adds the new gradient.",
            "The second line is gradient descent with s.u in the place of g.",
        ),
        judge=_Judge(momentum_step, ("u",), MOMENTUM_MISTAKES, {"beta": 0.7}),
    ),
    "rms_step": Function(
        library=rms_step,
        hints=(
            "s.v: the share beta2 of the old mean and the rest of the new square. v_hat: s.v over "
            "the share of its weights that has arrived after s.t steps.",
            "The last line divides g by the root of v_hat, plus epsilon.",
        ),
        judge=_Judge(rms_step, ("t", "v"), RMS_MISTAKES, {"beta2": 0.99, "epsilon": 0.1}),
    ),
    "adam_step": Function(
        library=adam_step,
        hints=(
            "s.m and s.v are running means, of g with beta1 and of g squared with beta2.",
            "Both are corrected in the same way, each with its own beta to the power s.t. In the "
            "last line m_hat goes on top.",
        ),
        judge=_Judge(
            adam_step, ("t", "m", "v"), ADAM_MISTAKES, {"beta1": 0.8, "beta2": 0.99, "epsilon": 0.1}
        ),
    ),
    "update_ratio": Function(
        library=update_ratio,
        cases=lambda: [
            (np.array([3.0, -4.0, 12.0]), np.array([3.0, -2.0, 11.0])),
            (np.array([[1.0, 2.0], [2.0, -1.0]]), np.array([[1.1, 2.0], [1.8, -1.5]])),
        ],
        hints=(
            "Two lengths and a division: np.linalg.norm gives the length of an array.",
            "On top the length of the change, below the length of the weights before it.",
        ),
        mistakes=(
            (
                lambda before, after: (after - before) / before,
                "That is a ratio for each weight. One number for the layer: compare two lengths.",
            ),
            (
                lambda before, after: np.mean(np.abs((after - before) / before)),
                "That is the mean of the single ratios; one weight near zero spoils it. Compare "
                "the two lengths.",
            ),
            (
                lambda before, after: np.linalg.norm((after - before) / before),
                "Divide the lengths, not the arrays: one weight near zero spoils the latter.",
            ),
            (
                lambda before, after: np.linalg.norm(after - before),
                "That is how far the weights moved. Compare it with their own length.",
            ),
            (
                lambda before, after: np.linalg.norm(after - before) / np.linalg.norm(after),
                "Compare with the weights before the step.",
            ),
            (
                lambda before, after: np.linalg.norm(after) / np.linalg.norm(before) - 1,
                LENGTHS_COMPARED,
            ),
            (
                lambda before, after: np.std(after - before) / np.std(before),
                "np.std takes the mean away first. The length of an array does not.",
            ),
            (
                lambda before, after: np.mean(np.abs(after - before)) / np.mean(np.abs(before)),
                "Those are mean absolute values. A length is the root of a sum of squares.",
            ),
            (
                lambda before, after: np.linalg.norm(before) / np.linalg.norm(after - before),
                "It is upside down.",
            ),
            (
                lambda before, after: np.linalg.norm(after) / np.linalg.norm(before),
                LENGTHS_COMPARED,
            ),
        ),
    ),
    "l2_gradient": Function(
        library=l2_gradient,
        cases=lambda: [
            (
                np.array([[0.2, -0.1], [0.0, 0.4], [0.5, 0.3]]),
                np.array([[3.0, -4.0], [1.0, 0.5], [-1.5, 2.5]]),
                0.1,
            ),
            (np.array([[0.3, 0.7]]), np.array([[-2.0, 6.0]]), 0.5),
        ],
        hints=(
            "Differentiate the penalty alone first: what is the derivative of λ/2 · w²?",
            "Then add it to dW, which you already have.",
        ),
        mistakes=(
            (
                lambda dW, W, l2: dW + l2 * dW,
                "That is dW times (1 + λ): a larger step, and no weight is pulled towards zero. "
                "It is a common slip. Multiply the weight, not the gradient.",
            ),
            (lambda dW, W, l2: dW - l2 * W, "The weights would grow: the sign is wrong."),
            (lambda dW, W, l2: dW + l2 / 2 * W, "The 2 of the square cancels the ½."),
            (lambda dW, W, l2: dW + 2 * l2 * W, "The 2 of the square cancels the ½."),
            (
                lambda dW, W, l2: l2 * W,
                "That is the penalty's gradient. The loss's own is missing.",
            ),
            (
                lambda dW, W, l2: dW + l2 * W**2,
                "That is λ times W squared: not differentiated yet.",
            ),
            (
                lambda dW, W, l2: dW + l2 / 2 * W**2,
                "That adds the penalty itself. Differentiate it.",
            ),
            (
                lambda dW, W, l2: dW + l2 / 2 * np.sum(W**2),
                "That adds the penalty itself. Differentiate it.",
            ),
            (lambda dW, W, l2: dW + W, "λ is missing: the price would be ½ for each w²."),
            (
                lambda dW, W, l2: dW * (1 - l2),
                "That shrinks the gradient. It is the weight that pulls: add a term with W.",
            ),
            (
                lambda dW, W, l2: dW + l2 * W / len(W),
                "Divided by the number of rows: the price is a sum, not a mean.",
            ),
            (
                lambda dW, W, l2: dW + l2 * W / W.size,
                "Divided by the number of weights: the price is a sum, not a mean.",
            ),
            (
                lambda dW, W, l2: dW + l2 * np.sum(W),
                "That adds one number to all entries. Each weight is pulled by itself.",
            ),
            (
                lambda dW, W, l2: dW + l2 * np.linalg.norm(W),
                "That adds one number to all entries. Each weight is pulled by itself.",
            ),
            (
                lambda dW, W, l2: dW + l2 * np.sign(W),
                "That is the gradient of |w|, which is called L1. Here the penalty is w squared.",
            ),
        ),
    ),
    "dropout": Function(
        library=dropout,
        hints=(
            "rng.random(H.shape) gives a number between 0 and 1 for each entry. Compare it with p.",
            "On average the fraction 1 - p of the input is left. Divide by it.",
        ),
        judge=_judge_dropout,
    ),
    "image gradient": Answer(
        expected=_p_minus_y,
        hints=(
            "You derived it in chapter 2: softmax and cross-entropy together.",
            "Y has a 1 at mine.label and 0 elsewhere, in an array (1, 10) like P.",
        ),
        mistakes=(
            (
                lambda network, x, label: network.probabilities(x),
                "Those are the probabilities. The one-hot label Y is missing.",
            ),
            (
                lambda network, x, label: network.probabilities(x) - label,
                "mine.label is subtracted from all ten. Y is 1 in the label's column, else 0.",
            ),
            (_logits_minus_y, "Y is subtracted from the logits. Use the probabilities."),
        ),
        tolerance=1e-3,
    ),
    "adam's second step": Answer(
        expected={
            "m": -0.02,
            "v": 0.007996,
            "m_hat": -0.02 / 0.19,
            "v_hat": 4.0,
            "theta": 0.9 + 0.1 * (0.02 / 0.19) / (2 + 1e-8),
        },
        hints=(
            "After the first step m is 0.2 and v is 0.004. Both go on from there.",
            "This is step 2: the corrections divide by 1 - β².",
        ),
        mistakes=(
            ({"m": 0.38}, "Is the sign of the new gradient right? It is -2."),
            ({"m": -0.2, "v": 0.004}, "The value after the first step has to go in."),
            ({"m": -1.78}, "The weights are swapped: the old m keeps 0.9."),
            ({"v": 0.999 * 0.004 - 0.002}, "Is the gradient squared?"),
            ({"v": 0.001 * 0.004 + 0.999 * 4}, "The weights are swapped: the old v keeps 0.999."),
            ({"m_hat": -0.2, "v_hat": 7.996}, "This is the second step: is t = 2?"),
            ({"m_hat": -0.02, "v_hat": 0.007996}, "That is not corrected yet."),
            ({"m_hat": -0.02 * 0.19, "v_hat": 0.007996 * 0.001999}, "A correction divides."),
            (
                {"theta": 0.9 - 0.1 * (0.02 / 0.19) / 2},
                "The step goes against m_hat. m_hat is negative, so theta grows.",
            ),
            ({"theta": 1 + 0.1 * (0.02 / 0.19) / 2}, "This step starts at 0.9, not at 1."),
            ({"theta": 0.9 + 0.1 * (0.02 / 0.19) / 4}, "Divide by the root of v_hat."),
            ({"theta": 0.9 + 0.1 * 0.02 / 0.007996**0.5}, "Use m_hat and v_hat, not m and v."),
        ),
        tolerance=1e-4,
    ),
    "backward through dropout": Answer(
        expected=lambda dY, kept, p: dY * kept / (1 - p),
        hints=(
            "Each output is its input times a constant. What is the derivative of c · h?",
            "The constant is 0 for dropped entries and 1 / (1 - p) for the others.",
        ),
        mistakes=(
            (lambda dY, kept, p: dY * kept, "The mask is right. The scaling is missing."),
            (lambda dY, kept, p: dY / (1 - p), "Dropped entries get a gradient too: use the mask."),
            (
                lambda dY, kept, p: dY * kept * (1 - p),
                "It is scaled down. Forward and backward multiply by the same constant.",
            ),
            (lambda dY, kept, p: dY * kept / p, "It is divided by p, the share that was dropped."),
            (
                lambda dY, kept, p: dY * (1 - kept) / (1 - p),
                "The mask is inverted: kept is 1 where the entry went through.",
            ),
            (
                lambda dY, kept, p: dY * kept * p,
                "It is multiplied by p. Forward, what is kept was divided by 1 - p.",
            ),
            (lambda dY, kept, p: dY, "That is dY as it came. Each entry meets its constant again."),
        ),
    ),
    "adamw_step": Function(
        library=adamw_step,
        hints=(
            "theta loses a share of itself: the learning rate times decay times theta.",
            "theta -= … changes the array that the network uses; theta = … does not.",
        ),
        judge=_judge_adamw,
    ),
}
