"""Typical wrong answers to the exercises of notebook 03, each with a part of the reply."""

GRADIENTS = """dZ2 = {dZ2}
dW2 = {dW2}
db2 = {db2}
dH1 = dZ2 @ W2.T
dZ1 = {dZ1}
dW1 = {dW1}
db1 = dZ1.sum(axis=0)
"""
RIGHT = {
    "dZ2": "(P - Y) / len(X)",
    "dW2": "H1.T @ dZ2",
    "db2": "dZ2.sum(axis=0)",
    "dZ1": "dH1 * (Z1 > 0)",
    "dW1": "X.T @ dZ1",
}

BACKWARD = """def backward(X, Y, params, l2=0.0):
    W1, b1, W2, b2 = params
    Z1, H1, Z2 = forward(X, params)
    dZ2 = (softmax(Z2) - Y) / {n}
    dW2 = H1.T @ dZ2 + {W2}
    db2 = dZ2.sum(axis=0) + {b2}
    dZ1 = dZ2 @ W2.T * {mask}
    dW1 = X.T @ dZ1 + {W1}
    db1 = dZ1.sum(axis=0) + {b1}
    return {result}
"""
RIGHT_BACKWARD = {
    "n": "len(X)",
    "W1": "l2 * W1",
    "b1": "0",
    "W2": "l2 * W2",
    "b2": "0",
    "mask": "(Z1 > 0)",
    "result": "dW1, db1, dW2, db2",
}

ADD = """def backward(X, Y, params, l2=0.0):
    W1, b1, W2, b2 = params
    dW1, db1, dW2, db2 = data_gradients(X, Y, params)
    return {W1}, db1, {W2}, db2
"""

ERRORS = """def gradient_errors(backward, X, Y, params, l2=1e-4):
    errors = {{}}
    for name, array, gradient in zip(NAMES, params, backward(X, Y, params, l2), strict=True):
        numerical = {numerical}
        errors[name] = {error}
    return errors
"""

BATCHES = """def batches(X, Y, batch_size, rng):
    order = {order}
    for first in range(0, {end}, batch_size):
        rows = order[first : first + batch_size]
        yield {images}, {targets}
"""
RIGHT_BATCHES = {
    "order": "rng.permutation(len(X))",
    "end": "len(X)",
    "images": "X[rows]",
    "targets": "Y[rows]",
}

TRAIN = """def train(params, X, Y, epochs, batch_size, learning_rate, l2=0.0, backward=backward):
    for epoch in range(epochs):
        rng = np.random.default_rng([0, epoch])
        for images, targets in batches(X, Y, batch_size, rng):
            gradients = {gradients}
            for array, gradient in zip(params, gradients, strict=True):
                {step}
"""

LEAKY = """class LeakyReLU(Layer):
    def forward({arguments}):
        slope = np.where(X > 0, 1.0, {leak})
        {keep}
        return X * slope

    def input_gradient(self, dY):
        return {dX}
"""
RIGHT_LEAKY = {
    "arguments": "self, X, training=False, rng=None",
    "leak": "0.1",
    "keep": "self.slope = slope",
    "dX": "dY * self.slope",
}

PIXELS = """def image_gradient(X, Y, params):
    W1, b1, W2, b2 = params
    Z1, H1, Z2 = forward(X, params)
    dZ2 = (softmax(Z2) - Y) / {n}
    return dZ2 @ W2.T * {mask} @ W1.T
"""

MISTAKES = {
    "ex-xor": [
        ("Z = points @ W1\nH = np.maximum(Z, 0)\ns = H @ w2", "bias is missing"),
        ("Z = points @ W1 + b1\nH = Z\ns = H @ w2", "ReLU is missing"),
        ("Z = points @ W1 + b1\nH = np.maximum(Z, 0)\ns = H @ w2[:, None]", "the shape is (4, 1)"),
    ],
    "ex-silent": [
        ("h_now = -1\nslope_now = 3", "Now comes the ReLU"),
        ("h_now = 0\nslope_now = 3", "is z positive"),
        ("h_now = 0\nslope_now = 2", "belongs to dh/dx"),
        ('h_now = "0"\nslope_now = 0', "not right yet"),
    ],
    "ex-relu-slope": [
        ("def relu_slope(Z):\n    return np.maximum(Z, 0) >= 0", "1 everywhere"),
        ("def relu_slope(Z):\n    return Z >= 0", "At exactly 0"),
        ("def relu_slope(Z):\n    return np.maximum(Z, 0)", "the ReLU itself"),
        ("def relu_slope(Z):\n    return 1 if Z > 0 else 0", "raises ValueError"),
    ],
    "ex-by-hand": [
        ("dW1_by_hand = [[-3, -1.5], [-1, -0.5]]", "The label is 1 now"),
        ("dW1_by_hand = [[3, 0], [1, 0]]", "lower unit silent"),
        ("dW1_by_hand = [[3, 1], [1.5, 0.5]]", "transpose"),
    ],
    "ex-by-hand-silent": [
        (
            "dW1_silent = [[3, 1.5], [1, 0.5]]\ndW2_silent = [[1.5, -1.5], [1, -1]]",
            "Is the upper unit still active?",
        ),
        (
            "dW1_silent = [[0, 1.5], [0, 0.5]]\ndW2_silent = [[-0.5, 0.5], [1, -1]]",
            "is h, not z",
        ),
        ("dW1_silent = [[1.5, 0], [0.5, 0]]\ndW2_silent = ...", "Which of the two is silent?"),
        ("dW1_silent = [[0, 0], [1.5, 0.5]]\ndW2_silent = ...", "transpose"),
    ],
    "ex-gradients": [
        (GRADIENTS.format(**RIGHT | {"dZ2": "P - Y"}), "20 times too large"),
        (GRADIENTS.format(**RIGHT | {"dZ2": "(Y - P) / len(X)"}), "sign is wrong"),
        (GRADIENTS.format(**RIGHT | {"dW2": "dZ2.T @ H1"}), "transpose"),
        (GRADIENTS.format(**RIGHT | {"dZ1": "dH1 * (H1 >= 0)"}), "slope of the ReLU is missing"),
        (GRADIENTS.format(**RIGHT | {"dZ1": "dH1 * H1"}), "Its slope is asked for"),
        (GRADIENTS.format(**RIGHT | {"dZ1": "dH1 * Z1"}), "dH1 times Z1"),
        (GRADIENTS.format(**RIGHT | {"dZ1": "dH1 * Z1"}), "Mend that first"),
        (GRADIENTS.format(**RIGHT | {"db2": "dZ2.mean(axis=0)"}), "20 times too small"),
        (GRADIENTS.format(**RIGHT | {"dZ2": "P - Y", "dW1": "..."}), "dW1  not answered yet"),
    ],
    "ex-backward": [
        (
            ADD.format(W1="dW1", W2="dW2"),
            "penalty's gradient is missing",
        ),
        (ADD.format(W1="dW1 + l2 * W1**2", W2="dW2 + l2 * W2**2"), "not right yet"),
        (ADD.format(W1="dW1 + l2 / 2 * W1**2", W2="dW2 + l2 / 2 * W2**2"), "adds the penalty"),
        (ADD.format(W1="dW1 + l2 * dW1", W2="dW2 + l2 * dW2"), "something of the weights"),
        (
            BACKWARD.format(**RIGHT_BACKWARD | {"W1": "0", "W2": "0"}),
            "penalty's gradient is missing",
        ),
        (BACKWARD.format(**RIGHT_BACKWARD | {"b1": "l2 * b1", "b2": "l2 * b2"}), "weights only"),
        (BACKWARD.format(**RIGHT_BACKWARD | {"mask": "(H1 >= 0)"}), "slope of the ReLU"),
        (BACKWARD.format(**RIGHT_BACKWARD | {"n": "1"}), "N times too large"),
        (BACKWARD.format(**RIGHT_BACKWARD | {"result": "dW2, db2, dW1, db1"}), "order"),
        (
            BACKWARD.format(**RIGHT_BACKWARD | {"W1": "l2 / 2 * W1"}),
            "dW1: The penalty is there, but not its derivative",
        ),
        (
            BACKWARD.format(**RIGHT_BACKWARD | {"W1": "2 * l2 * W1", "W2": "2 * l2 * W2"}),
            "dW2: The penalty is there, but not its derivative",
        ),
        (
            BACKWARD.format(**RIGHT_BACKWARD | {"W2": "l2 / 2 * np.sum(W2**2)"}),
            "dW2: That adds the penalty itself",
        ),
        (
            BACKWARD.format(**RIGHT_BACKWARD).replace("softmax(Z2)", "P"),
            "Inside the function P is softmax(Z2)",
        ),
        (BACKWARD.format(**RIGHT_BACKWARD).replace("softmax(Z2)", "Z2"), "not probabilities"),
        (
            BACKWARD.format(**RIGHT_BACKWARD).replace("softmax(Z2) - Y", "Y - softmax(Z2)"),
            "dW2: The sign is wrong",
        ),
        (BACKWARD.format(**RIGHT_BACKWARD | {"result": "dW1, dW2"}), "4 things are asked for"),
    ],
    "ex-central": [
        (
            "def central_difference(f, x, epsilon):\n    return (f(x + epsilon) - f(x)) / epsilon",
            "one side only",
        ),
        (
            "def central_difference(f, x, epsilon):\n"
            "    return (f(x + epsilon) - f(x - epsilon)) / epsilon",
            "twice too large",
        ),
        (
            "def central_difference(f, x, epsilon):\n"
            "    return (f(x + epsilon) - f(x - epsilon)) / 2 * epsilon",
            "parentheses",
        ),
        (
            "def central_difference(f, x, epsilon):\n"
            "    return (f(x + epsilon / 2) - f(x - epsilon / 2)) / epsilon",
            "that is sound, with half the step",
        ),
        (
            "def central_difference(f, x, epsilon):\n"
            "    return (f(x + epsilon / 2) - f(x - epsilon / 2)) / (2 * epsilon)",
            "half the slope",
        ),
    ],
    "ex-bugs": [
        ('bug_a = "dW1"\nbug_b = "dW2"', "the mistake is before it"),
        ('bug_a = "dZ1"\nbug_b = "dW1"', "Is it the first?"),
        ("bug_a = 5\nbug_b = ...", "quotation marks"),
    ],
    "ex-errors": [
        (
            ERRORS.format(
                numerical="numerical_gradient(lambda: loss(X, Y, params), array)",
                error="relative_error(gradient, numerical)",
            ),
            "Is the penalty l2 in the loss",
        ),
        (
            ERRORS.format(numerical="gradient", error="relative_error(gradient, numerical)"),
            "lets a wrong",
        ),
        (
            ERRORS.format(
                numerical="numerical_gradient(lambda: loss(X, Y, params, l2), array)",
                error="gradient - numerical",
            ),
            "not one number",
        ),
        (
            ERRORS.format(
                numerical="numerical_gradient(loss(X, Y, params, l2), array)",
                error="relative_error(gradient, numerical)",
            ),
            "raises TypeError",
        ),
    ],
    "ex-batches": [
        (BATCHES.format(**RIGHT_BATCHES | {"order": "np.arange(len(X))"}), "shuffle is missing"),
        (BATCHES.format(**RIGHT_BATCHES | {"end": "len(X) - batch_size"}), "last images are lost"),
        (
            BATCHES.format(
                **RIGHT_BATCHES | {"targets": "Y[first : first + batch_size]"},
            ),
            "no longer belong together",
        ),
        (
            BATCHES.format(**RIGHT_BATCHES | {"order": "rng.integers(0, len(X), len(X))"}),
            "exactly once",
        ),
        (
            BATCHES.format(
                **RIGHT_BATCHES | {"order": "np.random.default_rng(0).permutation(len(X))"}
            ),
            "same in every epoch",
        ),
        (
            "def batches(X, Y, batch_size, rng):\n"
            "    rows = rng.permutation(len(X))[:batch_size]\n"
            "    return X[rows], Y[rows]",
            "return ends the function",
        ),
        (BATCHES.format(**RIGHT_BATCHES | {"images": "first", "targets": "rows"}), "hold arrays"),
        (
            "def batches(X, Y, batch_size, rng):\n    order = rng.permutation(len(X))",
            "returns nothing",
        ),
    ],
    "ex-train": [
        (
            TRAIN.format(
                gradients="backward(images, targets, params, l2)",
                step="array = array - learning_rate * gradient",
            ),
            "parameters are unchanged",
        ),
        (
            TRAIN.format(
                gradients="backward(images, targets, params, l2)",
                step="array += learning_rate * gradient",
            ),
            "loss rises",
        ),
        (
            TRAIN.format(
                gradients="backward(images, targets, params)",
                step="array -= learning_rate * gradient",
            ),
            "penalty l2 is not passed on",
        ),
        (
            TRAIN.format(
                gradients="backward(images, targets, params, l2)",
                step="array -= learning_rate * gradient / len(images)",
            ),
            "12 times too small",
        ),
        (
            TRAIN.format(
                gradients="backward(X, Y, params, l2)", step="array -= learning_rate * gradient"
            ),
            "Every step uses all images",
        ),
    ],
    "ex-leaky": [
        (LEAKY.format(**RIGHT_LEAKY | {"leak": "0.0"}), "plain ReLU"),
        (LEAKY.format(**RIGHT_LEAKY | {"arguments": "self, X"}), "forward(X, training, rng)"),
        (
            LEAKY.format(**RIGHT_LEAKY | {"arguments": "self, X, training=False"}),
            "forward(X, training, rng)",
        ),
        (LEAKY.format(**RIGHT_LEAKY | {"keep": "pass"}), "Keep what it needs"),
        (LEAKY.format(**RIGHT_LEAKY | {"dX": "dY * np.where(dY > 0, 1.0, 0.1)"}), "sign of X"),
    ],
    "ex-image-gradient": [
        (PIXELS.format(n="len(X)", mask="1"), "slope of the ReLU"),
        (PIXELS.format(n="1", mask="(Z1 > 0)"), "N times too large"),
    ],
    "ex-sigma": [
        ("sigma = np.sqrt(2 / 400)", "He's"),
        ("sigma = 1 / 400", "variance"),
        ("sigma = np.sqrt(400)", "too large"),
    ],
}
