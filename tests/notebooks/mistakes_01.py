"""Typical wrong answers to the exercises of notebook 01, and a part of the reply to each."""

MASS = """\
def center_of_mass(image):
    height, width = image.shape
    x = {x}
    y = {y}
    return {order}
"""
LAYER = "def layer_of_means(M):\n    W = {W}\n    b = {b}\n    return W, b"
SIGMAS = "a, b = np.sqrt(0.980 * 0.020 / 10_000), np.sqrt(0.983 * 0.017 / 10_000)\n"


def mass(
    x: str = "image.sum(axis=0) @ np.arange(width) / image.sum()",
    y: str = "image.sum(axis=1) @ np.arange(height) / image.sum()",
    order: str = "x, y",
) -> str:
    return MASS.format(x=x, y=y, order=order)


def means(row: str) -> str:
    return f"def class_means(X, t):\n    return np.array([{row} for k in range(10)])"


def agree(expression: str) -> str:
    return f"def neighbors_agree(near, said):\n    return {expression}"


def layer(W: str = "M.T", b: str = "-(M**2).sum(axis=1) / 2") -> str:
    return LAYER.format(W=W, b=b)


MISTAKES = {
    "ex-index": [
        ("row, column = 20, 10", "swapped"),
        ("row, column = 11, 21", "starts at 0"),
        ("row, column = 10, 21", "Columns are counted from 0"),
        ("row, column = 300 / 28, 20", "full rows"),
        ("row, column = 10.71, 20", "full rows"),
        ("row, column = 280, 20", "first pixel"),
        ("row, column = '10', '20'", "text"),
    ],
    "ex-bytes": [
        ("def big_endian(four):\n    return int.from_bytes(four, 'little')", "the first one does"),
        ("def big_endian(four):\n    return sum(four)", "power of 256"),
        ("def big_endian(four):\n    return 256 * four[2] + four[3]", "Only the last two"),
        (
            "def big_endian(four):\n"
            "    return 255**3 * four[0] + 255**2 * four[1] + 255 * four[2] + four[3]",
            "256 values",
        ),
        ("def big_endian(four):\n    print(four)", "return"),
        ("def big_endian(four):\n    return four[4]", "IndexError"),
    ],
    "ex-wrong": [
        ('B, C, D = "rows", "header", "axes"', "shifts each a bit more"),
        ('B, C, D = "axes", "rows", "header"', "mirror"),
        ("B, C, D = 1, 2, 3", "Choose among header, rows, axes"),
    ],
    "ex-mass": [
        (mass(order="y, x"), "the column comes first"),
        (
            mass("image.sum(axis=0) @ np.arange(width)", "image.sum(axis=1) @ np.arange(height)"),
            "not divided by all the ink",
        ),
        (
            mass(
                "image.sum(axis=0) @ np.arange(1, width + 1) / image.sum()",
                "image.sum(axis=1) @ np.arange(1, height + 1) / image.sum()",
            ),
            "counted from 0",
        ),
        (mass("np.nonzero(image)[1].mean()", "np.nonzero(image)[0].mean()"), "as much as its ink"),
        (mass(order="x"), "Only the column"),
        (mass("image.sum(axis=0).argmax()", "image.sum(axis=1).argmax()"), "the most ink"),
        (
            mass(
                "(image.sum(axis=0) * np.arange(width)).mean()",
                "(image.sum(axis=1) * np.arange(height)).mean()",
            ),
            "Divide by all the ink",
        ),
        (mass("image.sum(axis=0) @ np.arange(height) / image.sum()"), "ValueError"),
        (
            mass(
                "image.sum(axis=0) @ np.arange(28) / image.sum()",
                "image.sum(axis=1) @ np.arange(28) / image.sum()",
            ),
            "take it from image.shape",
        ),
        (mass("image.sum(axis=0).mean()", "image.sum(axis=1).mean()"), "average ink"),
    ],
    "ex-means": [
        (means("X[t == k].sum(axis=0)"), "These are the sums"),
        (means("X.mean(axis=0)"), "Select those"),
        (means("X[t == k].mean()"), "Give mean an axis"),
        (means("X[t == k].sum(axis=0) / len(X)"), "number of all images"),
        (means("X[t == k].mean(axis=1)"), "runs over the pixels"),
    ],
    "ex-agree": [
        (agree("(near == said).sum(axis=1) >= 9"), "Make said a column"),
        (agree("(near == said[:, None]).sum(axis=1) > 9"), "with nine that agree"),
        (agree("(near == said[:, None]).all(axis=1)"), "with nine that agree"),
        (agree("(near == said[:, None]).sum(axis=0) >= 9"), "ten neighbors of each"),
        (agree("(near == said[:, None]).sum(axis=1)"), "at least nine"),
        (agree("near == said[:, None]"), "each neighbor"),
        (agree("(near == said[:, None]).any(axis=1)"), "Count them"),
        (agree("(near == said[:, None]).mean(axis=1) >= 9"), "0.9"),
    ],
    "ex-layer": [
        (layer(W="M"), "transpose"),
        (layer(W="M", b="-(M**2).sum() / 2"), "W is the transpose of what it should be"),
        (layer(b="(M**2).sum(axis=1) / 2"), "sign of b"),
        (layer(b="-(M**2).sum(axis=1)"), "½ is missing"),
        (layer(b="-np.linalg.norm(M, axis=1) / 2"), "its square"),
        (layer(W="-2 * M.T", b="(M**2).sum(axis=1)"), "smallest"),
        (layer(b="np.zeros(10)"), "must not be zero"),
        (layer(b="0"), "must not be zero"),
        (layer(b="-(M**2).sum() / 2"), "b: "),
    ],
    "ex-sigma": [
        (SIGMAS + "standard_errors = 0.003 / a", "both have one"),
        (SIGMAS + "standard_errors = 0.003 / (a + b)", "Add the variances"),
        (SIGMAS + "standard_errors = 0.003 / (a**2 + b**2)", "square root is missing"),
        (SIGMAS + "standard_errors = np.hypot(a, b)", "Divide one by the other"),
        (SIGMAS + "standard_errors = 0.3 / np.hypot(a, b)", "its error is a fraction"),
        (SIGMAS + "standard_errors = -0.003 / np.hypot(a, b)", "sign"),
    ],
    "ex-leak": [
        ('A, B, C, D, E = "leaks", "leaks", "leaks", "clean", "leaks"', "not shuffled"),
        ('A, B, C, D, E = "clean", "clean", "leaks", "clean", "leaks"', "not people"),
        ('A, B, C, D, E = "clean", "leaks", "clean", "clean", "leaks"', "Neighbors in the file"),
        ('A, B, C, D, E = "clean", "leaks", "leaks", "leaks", "clean"', "on both sides"),
        ("A, B, C, D, E = True, False, False, True, False", "Choose among leaks, clean"),
    ],
}
