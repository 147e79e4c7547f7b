"""The drawing app: a pad, the prediction, and panels that explain it. Start with `inspector.py`."""

from nnlib.app.inspector import Inspector

__all__ = ["Inspector"]
