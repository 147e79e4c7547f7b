"""The drawing app: a pad to draw on, and what the network sees and says.

sketchpad   strokes, from mouse, finger or stylus
panels      views of a Reading: the answer, the tensor, the diagnostics
inspector   wires the two to a Recognizer
"""

from nnlib.app.inspector import Inspector

__all__ = ["Inspector"]
