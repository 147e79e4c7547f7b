"""Handwritten digits, recognized by networks written in NumPy alone.

preprocessing  a drawing or an image → the 28×28 input
datasets       where images, labels and drawings come from
nn             the network: layers, loss, optimizers
training       how a network gets its parameters
recognition    a trained network in use
explain        why this answer
app            the drawing app
server         what serves the app
plots          figures of the notebooks
exercises      checks the reader's answers
files          atomic writes; where data and cache lie
cli            the command line
"""

from nnlib.datasets.kaggle import load_kaggle
from nnlib.datasets.mnist import load_mnist
from nnlib.nn.layers import Dense, Dropout, ReLU
from nnlib.nn.losses import cross_entropy, softmax
from nnlib.nn.network import Network
from nnlib.nn.optimizers import Adam, GradientDescent, Momentum
from nnlib.recognition.recognizer import Recognizer
from nnlib.training.fit import fit
from nnlib.version import __version__

__all__ = [
    "Adam",
    "Dense",
    "Dropout",
    "GradientDescent",
    "Momentum",
    "Network",
    "ReLU",
    "Recognizer",
    "__version__",
    "cross_entropy",
    "fit",
    "load_kaggle",
    "load_mnist",
    "softmax",
]
