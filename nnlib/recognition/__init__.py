"""A trained network in use.

recognizer  strokes or image → Prediction
registry    which models there are
evaluation  accuracy on MNIST, on drawings, on other people's images
"""

from nnlib.recognition.evaluation import (
    drawings_to_split,
    evaluate_drawings,
    evaluate_images,
    evaluate_split,
)
from nnlib.recognition.recognizer import PREPROCESSINGS, Prediction, Recognizer
from nnlib.recognition.registry import DEFAULT_MODEL, model_names, model_path

__all__ = [
    "DEFAULT_MODEL",
    "PREPROCESSINGS",
    "Prediction",
    "Recognizer",
    "drawings_to_split",
    "evaluate_drawings",
    "evaluate_images",
    "evaluate_split",
    "model_names",
    "model_path",
]
