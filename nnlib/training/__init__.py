"""How a network gets its parameters.

fit          batches, epochs, history
callbacks    what happens around the loop: progress bar, early stopping
checkpoint   resume training with identical results
metrics      accuracy, confusion, loss
recipes      how the models of data/models are trained
experiments  several recipes and seeds, measured
"""

from nnlib.training.callbacks import Callback, EarlyStopping, TrainingRun
from nnlib.training.checkpoint import Checkpoint, CheckpointError
from nnlib.training.fit import TrainingDiverged, fit
from nnlib.training.metrics import accuracy, confusion_matrix, loss_and_accuracy
from nnlib.training.recipes import MODELS, Recipe

__all__ = [
    "MODELS",
    "Callback",
    "Checkpoint",
    "CheckpointError",
    "EarlyStopping",
    "Recipe",
    "TrainingDiverged",
    "TrainingRun",
    "accuracy",
    "confusion_matrix",
    "fit",
    "loss_and_accuracy",
]
