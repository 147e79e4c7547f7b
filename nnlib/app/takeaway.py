"""The drawing to take away: as a picture, and as a line of a drawings file."""

import base64
import io

import ipywidgets as widgets
from PIL import Image, ImageDraw

from nnlib.app.panels import Moment
from nnlib.drawing import Drawing, as_line

SIZE = 500  # pixels of the picture, each way
FINER = 2  # it is drawn this much larger and shrunk, for smooth edges


class TakeAwayPanel(widgets.HTML):
    """Two links that save the drawing, with nothing asked of the server."""

    def __init__(self):
        super().__init__()
        self.add_class("nnlib-take-away")

    def show(self, moment: Moment | None) -> None:
        if moment is None:
            self.value = "<span>Save as <a>picture</a> or <a>drawings file</a></span>"
        elif moment.lifted:
            png = _data("image/png", as_png(moment.drawing))
            line = _data("application/jsonl", as_line(moment.drawing).encode())
            self.value = (
                f'<span>Save as <a download="drawing.png" href="{png}">picture</a> or '
                f'<a download="drawing.jsonl" href="{line}">drawings file</a></span>'
            )


def as_png(drawing: Drawing) -> bytes:
    """The drawing as it looks on the pad, 500×500 pixels, black on white."""
    side = SIZE * FINER
    scale, radius = side / drawing.canvas, drawing.pen * side / drawing.canvas / 2
    image = Image.new("L", (side, side), 255)
    brush = ImageDraw.Draw(image)
    for stroke in drawing.strokes:
        points = [(float(x) * scale, float(y) * scale) for x, y in stroke]
        brush.line(points, fill=0, width=round(2 * radius))
        for x, y in points:  # round ends and joints
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    file = io.BytesIO()
    image.reduce(FINER).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
