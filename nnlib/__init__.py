"""Handwritten digits, recognised by networks written in NumPy alone.

The modules, in the order in which the notebooks meet them:

data          MNIST → Digits: train, dev, test
layers        Dense, ReLU, Dropout: forward and backward
losses        softmax and cross-entropy
network       Network: layers over one flat vector of parameters
gradcheck     is a gradient right? ask the function itself
optimizers    gradient descent, momentum, Adam
training      fit: batches, epochs, history
metrics       accuracy, confusion
ladder        the recipes of the trained models
drawing       pen strokes → 28×28, the way MNIST was made
images        pixels → 28×28, the same way
diagnostics   what is unusual about an input
recognizer    strokes or image → Reading
whatif        the same drawing in another form
explain       which ink spoke for an answer
lookalikes    the nearest training images
replay        what was read on the way
app           the drawing app
"""

__version__ = "0.1.0"

from nnlib.data import load_kaggle, load_mnist
from nnlib.layers import Dense, Dropout, ReLU
from nnlib.losses import cross_entropy, softmax
from nnlib.network import Network
from nnlib.optimizers import Adam, GradientDescent, Momentum
from nnlib.recognizer import Reading, Recognizer
from nnlib.training import fit

__all__ = [
    "Adam",
    "Dense",
    "Dropout",
    "GradientDescent",
    "Momentum",
    "Network",
    "ReLU",
    "Reading",
    "Recognizer",
    "cross_entropy",
    "fit",
    "load_kaggle",
    "load_mnist",
    "softmax",
]
