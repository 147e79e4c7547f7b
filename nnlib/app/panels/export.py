"""Save the drawing: as a picture, or as a line of a drawings file."""

import base64
import io

import ipywidgets as widgets
from PIL import Image, ImageDraw

from nnlib.app.panels.base import Snapshot
from nnlib.datasets.drawings_file import drawing_to_line
from nnlib.preprocessing.drawing import Drawing

PNG_SIDE = 500  # pixels
SUPERSAMPLING = 2  # drawn so many times larger and then shrunk, for smooth edges


class ExportPanel(widgets.HTML):
    """Two links that save the drawing. The data is in the links: the server is not asked."""

    def __init__(self) -> None:
        super().__init__()
        self.add_class("nnlib-export")

    def show(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            self.value = "<span>Save as <a>picture</a> or <a>drawings file</a></span>"
        elif snapshot.pen_up:
            png = _data_url("image/png", drawing_to_png(snapshot.drawing))
            line = _data_url("application/jsonl", drawing_to_line(snapshot.drawing).encode())
            self.value = (
                f'<span>Save as <a download="drawing.png" href="{png}">picture</a> or '
                f'<a download="drawing.jsonl" href="{line}">drawings file</a></span>'
            )


def drawing_to_png(drawing: Drawing) -> bytes:
    """The drawing as it looks on the pad, 500×500 pixels, black on white."""
    side = PNG_SIDE * SUPERSAMPLING
    scale, radius = side / drawing.canvas, drawing.pen * side / drawing.canvas / 2
    image = Image.new("L", (side, side), 255)
    brush = ImageDraw.Draw(image)
    for stroke in drawing.strokes:
        points = [(float(x) * scale, float(y) * scale) for x, y in stroke]
        brush.line(points, fill=0, width=round(2 * radius))
        for x, y in points:  # round ends and joints
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    file = io.BytesIO()
    image.reduce(SUPERSAMPLING).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
