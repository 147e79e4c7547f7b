"""Typical wrong answers to the exercises of notebook 05, and a part of the reply to each."""

SPREAD = 's = 100 * by_person["strokes"].std(ddof=1)\n'

BOX = """\
def center_by_box(images):
    moved = []
    for image in images:
        rows, columns = np.nonzero(image.reshape(28, 28) > {ink})
        x, y = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
        moved.append(place(image[None], 1, {dx}, {dy})[0])
    return np.array(moved)
"""


def box(dx: str = "13.5 - x", dy: str = "13.5 - y", ink: str = "0.1") -> str:
    return BOX.format(dx=dx, dy=dy, ink=ink)


MISTAKES = {
    "ex-pen": [
        ("def pen_after(pen, extent):\n    return 20 * pen / extent", "half a pen at either end"),
        (
            "def pen_after(pen, extent):\n    return 20 * pen / (extent + 2 * pen)",
            "only half a pen",
        ),
        ("def pen_after(pen, extent):\n    return 20 / (extent + pen)", "the factor"),
        ("def pen_after(pen, extent):\n    return 20 * p / (extent + pen)", "NameError"),
        ("def pen_after(pen):\n    return pen", "TypeError"),
        ("def pen_after(pen, extent):\n    20 * pen / (extent + pen)", "None"),
    ],
    "ex-mystery": [
        ('A, B, C = "moved", "thick", "shrunk"', "amount of ink"),
        ('A, B, C = "thick", "shrunk", "moved"', "thickness"),
        ('A, B, C = "shrunk", "jagged", "moved"', "That is not it"),
        ("A, B, C = 1, 2, 3", "quotation marks"),
    ],
    "ex-box": [
        (box("14 - x", "14 - y"), "between 13 and 14"),
        (box("x - 13.5", "y - 13.5"), "wrong way"),
        (box("13.5 - y", "13.5 - x"), "exchanged"),
        (box(ink="0"), "faint ink"),
        ("def center_by_box(images):\n    return images", "Nothing is moved"),
        (
            "def center_by_box(images):\n"
            "    x, y, total = COLUMNS.ravel(), ROWS.ravel(), images.sum(axis=1)\n"
            "    return place(images, 1, 14 - images @ x / total, 14 - images @ y / total)",
            "by mass",
        ),
        (
            "def center_by_box(images):\n"
            "    rows, columns = np.nonzero(images.max(axis=0).reshape(28, 28) > 0.1)\n"
            "    x, y = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2\n"
            "    return place(images, 1, 13.5 - x, 13.5 - y)",
            "All images are moved alike",
        ),
        (box().replace("np.array(moved)", "np.array(moved).reshape(-1, 28, 28)"), "shape is"),
    ],
    "ex-people": [
        (SPREAD + "people_needed = s / 0.5", "square root of the number"),
        (SPREAD + "people_needed = np.ceil(s**2 / 0.5)", "squared too"),
        (SPREAD + "people_needed = (s / 0.5) ** 2", "round up"),
        (SPREAD + "people_needed = (s / 0.5) ** 2 // 1", "Round up"),
        (SPREAD + "people_needed = 1000", "too large"),
    ],
}
