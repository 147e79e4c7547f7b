"""The network: layers, loss, optimizers; independent of images and digits.

layers      Dense, ReLU, Dropout: forward and backward
losses      softmax and cross-entropy
network     Network: layers over one flat vector of parameters
optimizers  gradient descent, momentum, Adam
schedules   how the learning rate changes during training
gradcheck   backward against finite differences
model_file  the file that holds a trained network
"""

from nnlib.nn.gradcheck import check_gradients, numerical_gradient, relative_error
from nnlib.nn.layers import Dense, Dropout, Layer, ReLU
from nnlib.nn.losses import cross_entropy, softmax
from nnlib.nn.model_file import ModelError
from nnlib.nn.network import Network
from nnlib.nn.optimizers import Adam, GradientDescent, Momentum, Optimizer
from nnlib.nn.schedules import CosineDecay, ExponentialDecay, Schedule

__all__ = [
    "Adam",
    "CosineDecay",
    "Dense",
    "Dropout",
    "ExponentialDecay",
    "GradientDescent",
    "Layer",
    "ModelError",
    "Momentum",
    "Network",
    "Optimizer",
    "ReLU",
    "Schedule",
    "check_gradients",
    "cross_entropy",
    "numerical_gradient",
    "relative_error",
    "softmax",
]
