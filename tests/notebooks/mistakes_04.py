"""Wrong answers to the exercises of notebook 04, and what the reader should be told."""


def momentum(*lines: str) -> str:
    return "\n    ".join(("def momentum_step(theta, g, s, learning_rate, beta):", *lines))


def rms(v: str, v_hat: str, step: str, count: str = "s.t += 1") -> str:
    head = "def rms_step(theta, g, s, learning_rate, beta2=0.999, epsilon=1e-8):"
    return "\n    ".join((head, count, f"s.v = {v}", f"v_hat = {v_hat}", step))


def adam(
    m: str = "beta1 * s.m + (1 - beta1) * g",
    v: str = "beta2 * s.v + (1 - beta2) * g**2",
    m_hat: str = "s.m / (1 - beta1**s.t)",
    v_hat: str = "s.v / (1 - beta2**s.t)",
    step: str = "theta -= learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)",
) -> str:
    head = "def adam_step(theta, g, s, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8):"
    lines = (f"s.m = {m}", f"s.v = {v}", f"m_hat = {m_hat}", f"v_hat = {v_hat}", step)
    return "\n    ".join((head, "s.t += 1", *lines))


def adamw(*lines: str) -> str:
    head = "def adamw_step(theta, g, s, learning_rate, decay):"
    return "\n    ".join((head, *lines))


def dropout(training: str, kept: str = "rng.random(H.shape) >= p", inference: str = "H") -> str:
    return (
        "def dropout(H, p, training, rng):\n"
        f"    if not training:\n        return {inference}\n"
        f"    kept = {kept}\n    return {training}"
    )


SQUARES = "beta2 * s.v + (1 - beta2) * g**2"
CORRECTED = "s.v / (1 - beta2**s.t)"
STEP = "theta -= learning_rate * g / (np.sqrt(v_hat) + epsilon)"
ADAM = "adam_step(theta, g, s, learning_rate)"

MISTAKES = {
    "ex-parameters": [
        ("n_parameters = 784 * 256 + 256 * 128 + 128 * 10", "biases are missing"),
        ("n_parameters = 784 * 256 * 128 * 10", "to be added"),
        ("n_parameters = 784 + 256 + 128 + 10", "too small"),
        ("n_parameters = 784 * 256 + 256 * 128 + 128 * 10 + 256 + 128", "biases of the last"),
    ],
    "ex-hessian": [
        (
            "def hessian_times(gradient, theta, d, epsilon):\n"
            "    return (gradient(theta + epsilon * d) - gradient(theta)) / epsilon",
            "one-sided",
        ),
        (
            "def hessian_times(gradient, theta, d, epsilon):\n"
            "    return (gradient(theta + epsilon * d) - gradient(theta - epsilon * d)) / epsilon",
            "2ε apart",
        ),
        (
            "def hessian_times(gradient, theta, d, epsilon):\n"
            "    ahead = gradient(theta + epsilon * d)\n"
            "    behind = gradient(theta - epsilon * d)\n"
            "    return (ahead - behind) / 2 * epsilon",
            "Put brackets",
        ),
        (
            "def hessian_times(gradient, theta, d, epsilon):\n"
            "    ahead = theta + epsilon * d\n    behind = theta - epsilon * d\n"
            "    return (ahead - behind) / (2 * epsilon)",
            "are places",
        ),
        (
            "def hessian_times(gradient, theta, d, epsilon):\n"
            "    ahead = gradient(theta + epsilon * d)\n"
            "    behind = gradient(theta - epsilon * d)\n"
            "    return (ahead - behind) / (2 * epsilon * d)",
            "only gives the direction",
        ),
        (
            "def hessian_times(gradient, theta, d, epsilon):\n"
            "    theta += epsilon * d\n    ahead = gradient(theta)\n"
            "    theta -= 2 * epsilon * d\n    return (ahead - gradient(theta)) / (2 * epsilon)",
            "changes its input theta",
        ),
    ],
    "ex-momentum": [
        (momentum("s.u = beta * s.u + g", "theta = theta - learning_rate * s.u"), "is unchanged"),
        (
            momentum("s.u = beta * s.u + (1 - beta) * g", "theta -= learning_rate * s.u"),
            "running mean",
        ),
        (momentum("s.u = beta * s.u + g", "theta -= learning_rate * g"), "still follows g"),
        (momentum("s.u = beta * s.u + g", "theta += learning_rate * s.u"), "uphill"),
        (momentum("s.u = s.u + g", "theta -= learning_rate * s.u"), "not damped"),
        (
            momentum("s.u = beta * s.u + learning_rate * g", "theta -= s.u"),
            "the learning rate in it",
        ),
        (momentum("s.u = beta * s.u - g", "theta += learning_rate * s.u"), "the opposite sign"),
        (momentum("s.u = beta * (s.u + g)", "theta -= learning_rate * s.u"), "damps the new"),
        (momentum("s.u = beta * s.u - 2 * g", "theta -= learning_rate * s.u"), "s.u is not right."),
        (momentum("s.u = beta * s.w + g", "theta -= s.u"), "raises AttributeError"),
    ],
    "ex-rms": [
        (rms(SQUARES, "s.v", STEP), "bias correction is missing"),
        (rms(SQUARES, "s.v / (1 - beta2**(s.t - 1))", STEP), "counted from 0"),
        (rms(SQUARES, "s.v / (1 - beta2 * s.t)", STEP), "beta to the power t"),
        (
            rms(SQUARES, CORRECTED, "theta -= learning_rate * g / np.sqrt(v_hat + epsilon)"),
            "inside the square root",
        ),
        (
            rms(SQUARES, CORRECTED, "theta -= learning_rate * g / (v_hat + epsilon)"),
            "square root is missing",
        ),
        (rms(SQUARES, "s.v / 1 - beta2**s.t", STEP), "Put brackets around 1 - beta"),
        (
            rms(SQUARES, CORRECTED, "theta -= learning_rate * g / np.sqrt(v_hat) + epsilon"),
            "added to the step",
        ),
        (
            rms(SQUARES, CORRECTED, "theta -= learning_rate * g / np.sqrt(v_hat)"),
            "epsilon is missing",
        ),
        (rms("beta2 * s.v + (1 - beta2) * g", CORRECTED, STEP), "g squared"),
        (rms("(1 - beta2) * s.v + beta2 * g**2", CORRECTED, STEP), "weights are swapped"),
        (
            rms(
                SQUARES,
                CORRECTED,
                "theta = theta - learning_rate * g / (np.sqrt(v_hat) + epsilon)",
            ),
            "is unchanged",
        ),
        (
            rms(SQUARES, CORRECTED, "s.v = v_hat\n    " + STEP),
            "written back",
        ),
    ],
    "ex-adam": [
        (adam(m_hat="s.m"), "correction of m is missing"),
        (adam(v_hat="s.v"), "correction of v is missing"),
        (adam(m_hat="s.m / (1 - beta1 * s.t)"), "beta to the power t"),
        (adam(m_hat="s.m", v_hat="s.v"), "Neither correction"),
        (
            adam(m_hat="s.m / (1 - beta1**(s.t - 1))", v_hat="s.v / (1 - beta2**(s.t - 1))"),
            "counted from 0",
        ),
        (
            adam(step="theta -= learning_rate * m_hat / np.sqrt(v_hat + epsilon)"),
            "inside the square root",
        ),
        (
            adam(step="theta -= learning_rate * v_hat / (np.sqrt(m_hat) + epsilon)"),
            "swapped in the step",
        ),
        (
            adam(step="theta = theta - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)"),
            "is unchanged",
        ),
        (adam(step="theta -= learning_rate * m_hat / (v_hat + epsilon)"), "root is missing"),
        (adam(m_hat="s.m / 1 - beta1**s.t", v_hat="s.v / 1 - beta2**s.t"), "its brackets"),
        (adam(v_hat="s.v / (1 - beta1**s.t)"), "Its own beta is beta2"),
        (
            adam(step="theta -= learning_rate * m_hat / np.sqrt(v_hat) + epsilon"),
            "added to the step",
        ),
        (adam(m="beta1 * s.m + g"), "running sum"),
        (adam(v="beta2 * s.v + (1 - beta2) * g"), "g squared"),
        (adam(v="s.v + g**2"), "s.t and s.m are right; s.v is not."),
        (
            adam(step="theta -= 2 * learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)"),
            "s.t and s.m and s.v: right; the change of theta in step 1 is not.",
        ),
    ],
    "ex-ratio": [
        ("def update_ratio(before, after):\n    return (after - before) / before", "each weight"),
        (
            "def update_ratio(before, after):\n    return np.linalg.norm(after - before)",
            "their own length",
        ),
        (
            "def update_ratio(before, after):\n"
            "    return np.linalg.norm(after) / np.linalg.norm(before) - 1",
            "can turn",
        ),
        (
            "def update_ratio(before, after):\n    np.linalg.norm(after - before)",
            "end with a return",
        ),
    ],
    "ex-l2": [
        (
            "def l2_gradient(dW, W, l2):\n    return dW + l2 * dW",
            "no weight is pulled towards zero",
        ),
        ("def l2_gradient(dW, W, l2):\n    return dW + l2 / 2 * W", "cancels the ½"),
        ("def l2_gradient(dW, W, l2):\n    return dW - l2 * W", "sign"),
        ("def l2_gradient(dW, W, l2):\n    return dW + W", "λ is missing"),
        ("def l2_gradient(dW, W, l2):\n    return dW + l2 * W / W.size", "a sum, not a mean"),
        ("def l2_gradient(dW, W, l2):\n    dW += l2 * W\n    return dW", "changes its input dW"),
    ],
    "ex-dropout": [
        (dropout("H * kept"), "not scaled"),
        (dropout("H * kept / (1 - p)", kept="rng.random(H.shape) < p"), "keeps the fraction p"),
        (dropout("H * kept / p"), "divided by p"),
        (dropout("kept / (1 - p)"), "only the mask"),
        (dropout("H * kept / (1 - p)", inference="H * (1 - p)"), "At inference H is scaled"),
        (
            dropout("H * kept / (1 - p)", kept="np.random.default_rng(0).random(H.shape) >= p"),
            "same entries are dropped in every call",
        ),
        (
            dropout("H * kept / (1 - p)", kept="rng.random(H.shape[1]) >= p"),
            "Whole rows or columns",
        ),
        (dropout("H * kept / (1 - p)", kept="np.random.random(H.shape) >= p"), "draw from rng"),
    ],
    "ex-image-gradient": [
        ("dlogits = P_deep = deep.probabilities(x)", "Y is missing"),
        (
            "P = deep.probabilities(x)\ndlogits = np.eye(10)[[mine.label]] - P",
            "sign is wrong",
        ),
        ("P = deep.probabilities(x)\ndlogits = P - mine.label", "from all ten"),
        ("P = deep.probabilities(x)\ndlogits = P[0] - np.eye(10)[mine.label]", "shape"),
    ],
    "ex-second-step": [
        (
            "m = 0.9 * 0.2 + 0.1 * 2\nv = 0.999 * 0.004 + 0.001 * 4\nm_hat = m / 0.19\n"
            "v_hat = v / (1 - 0.999**2)\ntheta = 0.9 - 0.1 * m_hat / v_hat**0.5",
            "sign of the new gradient",
        ),
        (
            "m = -0.02\nv = 0.007996\nm_hat = m / 0.1\nv_hat = v / 0.001\n"
            "theta = 0.9 - 0.1 * m_hat / v_hat**0.5",
            "is t = 2",
        ),
    ],
    "ex-dropout-backward": [
        ("dH = dY * (1 - kept) / (1 - p_drop)", "mask is inverted"),
        ("dH = dY * kept", "scaling is missing"),
        ("dH = dY / (1 - p_drop)", "use the mask"),
        ("dH = dY * kept * (1 - p_drop)", "scaled down"),
    ],
    "ex-adamw": [
        (adamw("theta = theta - learning_rate * decay * theta", ADAM), "makes a new array"),
        (adamw("theta -= decay * theta", ADAM), "no learning rate"),
        (adamw("theta -= learning_rate * theta", ADAM), "decay is missing"),
        (adamw("theta -= learning_rate * (1 - decay) * theta", ADAM), "is what should stay"),
        (adamw("theta -= learning_rate * decay", ADAM), "the same amount"),
        (adamw("theta -= learning_rate * decay * g", ADAM), "shrinks by the gradient"),
        (adamw("theta -= learning_rate**2 * theta", ADAM), "The change of theta in step 1 is not"),
        (adamw("theta += learning_rate * decay * theta", ADAM), "grows"),
        (adamw("g = g + decay * theta", ADAM), "That is L2"),
        (adamw(ADAM), "plain Adam"),
    ],
}
