"""The drawing app: a pad to draw on, what the network sees and says, and why.

sketchpad      strokes, from mouse, finger or stylus
panels         what is always in view: the answer, the bars, the tensor
explanations   what can be folded: what if, the ladder, where, inside, look-alikes
unusual        … the measures of the input in their histograms
replay         … the strokes again
takeaway       the drawing as a picture and as a line of a drawings file
pictures       small images as canvases, strokes as SVG
inspector      wires them to a Recognizer
"""

from nnlib.app.inspector import Inspector

__all__ = ["Inspector"]
