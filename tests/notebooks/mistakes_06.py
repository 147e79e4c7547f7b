"""Typical wrong answers to the exercises of notebook 06, and a part of the reply to each."""

RUNS = "a = np.array([95.1, 95.6, 94.9])\nb = np.array([95.5, 95.3, 95.9])\n"
ROW = "row_before = [0.0, 0.2, 1.0, 0.6, 0.0]\n"

SLASH = """\
def slash(image, rng):
    left, top, right, bottom = box(image)
    low, high = 0.8, 0.2
    x, y = left + high * (right - left), top + low * (bottom - top)
    end_x, end_y = left + low * (right - left), top + high * (bottom - top)
    return {}
"""

MISTAKES = {
    "predict-look-yours": [
        ("four_pixels = [[0, 0], [0, 0.375]]", "right and down"),
        ("four_pixels = [[0.375, 0.125], [0.375, 0.125]]", "Which column"),
        ("four_pixels = [[0.125, 0.125], [0.375, 0.375]]", "exchanged"),
        ("four_pixels = [[0, 0], [0, 1]]", "the image itself"),
        ("four_pixels = [0.125, 0.375, 0.125, 0.375]", "shape is (4,)"),
        ("four_pixels = [[0.5, 0.2], [0.1, 0.2]]", "numbers are right"),
    ],
    "ex-inverse": [
        ("A_look = [[0.8, 0.2], [0, 1.25]]", "where the ink goes"),
        ("A_look = [[1.25, 0.2], [0, 0.8]]", "taken away"),
        ("A_look = [[1.25, 0], [-0.2, 0.8]]", "transpose"),
        ("A_look = [[1.25, -0.25], [0, 0.8]]", "the old y"),
        ("A_look = [1.25, -0.2, 0, 0.8]", "shape is (4,)"),
    ],
    "ex-thin": [
        (ROW + "row_after = [0, 0, 0.2, 0, 0]", "Half the way"),
        (ROW + "row_after = [0.1, 0.6, 1, 0.8, 0.3]", "thicker"),
        (ROW + "row_after = [0, 0.1, 0.5, 0.3, 0]", "half of each pixel"),
        (ROW + "row_after = [0, 0.1, 0.6, 0.3]", "shape"),
        (ROW + "row_after = row_before", "numbers are right"),
    ],
    "ex-mirror": [
        ("mirror_x = np.zeros(19)", "column 0"),
        ("mirror_x = np.array([13.5, -1] + [0] * 17)", "13.5"),
        ("mirror_x = np.array([28, -1] + [0] * 17)", "left border"),
        ("mirror_x = np.array([0, -1] + [0] * 17)", "place in the image"),
        ("mirror_x = np.array([14, 0, -1] + [0] * 16)", "the order is"),
        ("mirror_x = [14, -1]", "shape"),
    ],
    "ex-slash": [
        (SLASH.format("[[end_x, end_y], [x, y]]"), "lower left end comes first"),
        (SLASH.format("[[y, x], [end_y, end_x]]"), "x and y are exchanged"),
        (SLASH.format("[[x, end_y], [end_x, y]]"), "y points down"),
        (SLASH.format("[[x, y], [x + 1, y - 1]]"), "upper right quarter"),
        (SLASH.format("[[left - 9, y], [end_x, end_y]]"), "left or right of the box"),
        (SLASH.format("[x, y, end_x, end_y]"), "(2, 2)"),
        (SLASH.format("None"), "None"),
        ("def slash(image, rng):\n    return box(image)[7]", "IndexError"),
    ],
    "ex-luck": [
        (RUNS + "over_error = b.mean() - a.mean()", "the difference"),
        (
            RUNS + "over_error = (b.mean() - a.mean()) / np.sqrt((a.var() + b.var()) / 3)",
            "ddof=1",
        ),
        (
            RUNS + "over_error = (b.mean() - a.mean()) / np.sqrt(a.var(ddof=1) + b.var(ddof=1))",
            "the 3 is missing",
        ),
        (RUNS + "over_error = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 3)", "standard error"),
        (
            RUNS
            + "over_error = (a.mean() - b.mean())"
            + " / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 3)",
            "sign",
        ),
    ],
}
