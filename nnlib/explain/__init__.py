"""Why did the network give this answer?

diagnostics  what is unusual about the input
attribution  which pixels raised its score
what_if      the same drawing centered, scaled or inked otherwise
neighbors    the nearest training images
replay       the answer after each part of the drawing
"""

from nnlib.explain.attribution import attribution
from nnlib.explain.diagnostics import MEASURES, Diagnostic, diagnose
from nnlib.explain.neighbors import Neighbor, NeighborIndex
from nnlib.explain.replay import Replay, replay
from nnlib.explain.what_if import what_if

__all__ = [
    "MEASURES",
    "Diagnostic",
    "Neighbor",
    "NeighborIndex",
    "Replay",
    "attribution",
    "diagnose",
    "replay",
    "what_if",
]
