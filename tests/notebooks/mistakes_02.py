"""Wrong answers to the exercises of notebook 02, and what the reader should be told."""

MISTAKES = {
    "ex-softmax": [
        ("def softmax(Z):\n    return np.exp(Z)", "rows do not sum to 1"),
        ("def softmax(Z):\n    exp = np.exp(Z)\n    return exp / exp.sum()", "each row should"),
        (
            "def softmax(Z):\n    exp = np.exp(Z)\n    return exp / exp.sum(axis=1)",
            "raises ValueError",
        ),
        (
            "def softmax(Z):\n    exp = np.exp(Z)\n    return exp / exp.sum(axis=1, keepdims=True)",
            "the row 90, 89, 0 gives nan",
        ),
        (
            "def softmax(Z):\n    exp = np.exp(Z - Z.max())\n"
            "    return exp / exp.sum(axis=1, keepdims=True)",
            "each row needs its own",
        ),
        (
            "def softmax(Z):\n    Z -= Z.max(axis=1, keepdims=True)\n    exp = np.exp(Z)\n"
            "    return exp / exp.sum(axis=1, keepdims=True)",
            "changes its input Z in place",
        ),
    ],
    "ex-one-hot": [
        ("def one_hot(t):\n    return np.eye(10)[:, t]", "transpose"),
        ("def one_hot(t):\n    return np.eye(10)[t - 1]", "one place too far"),
        ("def one_hot(t):\n    return np.eye(len(t))[t]", "raises IndexError"),
        ("def one_hot(t):\n    np.eye(10)[t]", "return"),
    ],
    "ex-cross-entropy": [
        ("def cross_entropy(P, Y):\n    return np.log((P * Y).sum(axis=1)).mean()", "sign"),
        ("def cross_entropy(P, Y):\n    return -np.log((P * Y).sum(axis=1))", "a mean missing"),
        ("def cross_entropy(P, Y):\n    return -np.log((P * Y).sum(axis=1)).sum()", "1/N"),
        ("def cross_entropy(P, Y):\n    return -(np.log(P) * Y).mean()", "over the N images"),
        ("def cross_entropy(P, Y):\n    return -(np.log(P) * Y).sum() / len(P)", "nan"),
        ("def cross_entropy(P, Y):\n    return -np.log2((P * Y).sum(axis=1)).mean()", "base 2"),
        (
            "def cross_entropy(P, Y):\n    return -(Y * np.log(P + 1e-8)).sum(axis=1).mean()",
            "You add a small number to P",
        ),
        (
            "def cross_entropy(P, Y):\n    return -np.log((P * Y).sum(axis=1) + 1e-10).mean()",
            "You add a small number to P",
        ),
        (
            "def cross_entropy(P, Y):\n"
            "    return -(Y * np.log(np.clip(P, 1e-7, 1))).sum(axis=1).mean()",
            "You cut P off",
        ),
    ],
    "ex-logit-gradient": [
        ("def logit_gradient(P, Y):\n    return P - Y", "Is the 1/N of a mean missing?"),
        ("def logit_gradient(P, Y):\n    return (Y - P) / len(P)", "sign is wrong"),
        ("def logit_gradient(P, Y):\n    return (P - Y) / P.size", "divided by N · K"),
        ("def logit_gradient(P, Y):\n    return (P - Y).mean(axis=0)", "keeps its own row"),
        ("def logit_gradient(P, Y):\n    P -= Y\n    return P / len(P)", "changes its input P"),
    ],
    "ex-tiny-gradient": [
        ("six_dW = [[-2, 1, 1], [1, 1, -2]]", "ink is not 1"),
        ("six_dW = [[-2, 2], [1, 2], [1, -4]]", "transpose"),
        ("six_dW = [[-1/3, 1/6, 1/6], [1/3, 1/3, -2/3]]", "That is dW"),
        ("six_dW = [[2, -1, -1], [-2, -2, 4]]", "sign"),
        ("six_dW = [[-4, 2, 2], [4, 4, -8]]", "twice too large"),
    ],
    "ex-parameter-gradients": [
        (
            "def parameter_gradients(X, dZ):\n    return dZ.T @ X, dZ.sum(axis=0)",
            "transpose",
        ),
        (
            "def parameter_gradients(X, dZ):\n    return X.T @ dZ, dZ.mean(axis=0)",
            "once too often",
        ),
        ("def parameter_gradients(X, dZ):\n    return X.T @ dZ, dZ.sum()", "sum over one axis"),
        (
            "def parameter_gradients(X, dZ):\n    return X @ dZ, dZ.sum(axis=0)",
            "raises ValueError",
        ),
        ("def parameter_gradients(X, dZ):\n    return X.T @ dZ", "2 things"),
    ],
    "ex-gradient-step": [
        (
            "def gradient_step(parameter, gradient, learning_rate):\n"
            "    return parameter - learning_rate * gradient",
            "unchanged after the call",
        ),
        (
            "def gradient_step(parameter, gradient, learning_rate):\n"
            "    parameter += learning_rate * gradient",
            "It climbs",
        ),
        (
            "def gradient_step(parameter, gradient, learning_rate):\n    parameter -= gradient",
            "learning rate is not used",
        ),
    ],
    "ex-limit": [
        ("limit = 8", "shallow direction"),
        ("limit = 0.25", "arrives in one step"),
        ("limit = 1", "too large"),
        ("limit = (0.5, 8)", "One rate"),
        ("limit = [8, 0.5]", "One rate"),
    ],
    "ex-fold-mean": [
        ("def fold_mean(W, b, mean):\n    return b + mean @ W", "sign"),
        ("def fold_mean(W, b, mean):\n    return -mean @ W", "old bias is lost"),
        ("def fold_mean(W, b, mean):\n    return b - mean.mean()", "not right yet"),
    ],
    "ex-doubled": [
        ("doubled = [1 / 8, 2 / 8, 5 / 8]", "old ones"),
        ("doubled = [2 / 8, 4 / 8, 10 / 8]", "sum to 1"),
        ("doubled = [1, 4, 25]", "divide by their sum"),
    ],
    "ex-log-softmax": [
        ("def log_softmax(Z):\n    return softmax(Z)", "probabilities"),
        ("def log_softmax(Z):\n    return np.log(softmax(Z))", "inf"),
        (
            "def log_softmax(Z):\n    shifted = Z - Z.max(axis=1, keepdims=True)\n"
            "    return Z - np.log(np.exp(shifted).sum(axis=1, keepdims=True))",
            "not in front",
        ),
    ],
}
