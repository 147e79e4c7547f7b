"""Which pixels raised the score of an answer, and which lowered it?

logit of a digit - mean logit  =  Σ over pixels of (ink × gradient)  +  a constant
"""

import numpy as np

from nnlib.nn.network import Network
from nnlib.preprocessing.drawing import NO_DIGIT


def attribution(network: Network, image: np.ndarray, digit: int) -> np.ndarray:
    """How much the ink of each pixel contributed to a digit, (28, 28): input × gradient.

    image: the network's input, (28, 28) float32.
    The gradient is that of the digit's logit minus the mean of all ten, because what raises
    every logit does not change the answer. Positive values raise the score of the digit, negative
    ones lower it; pixels without ink are 0. With one layer the map is exact: its sum, plus a
    constant, is the logit minus the mean logit. With ReLUs that holds as long as none of them
    switches (Shrikumar et al. 2016; Ancona et al. 2018).
    """
    n_digits = min(network.n_out, NO_DIGIT)  # an eleventh logit says "no digit"
    dlogits = np.zeros((1, network.n_out), network.dtype)
    dlogits[0, :n_digits] = -1 / n_digits
    dlogits[0, digit] += 1
    gradient = network.input_gradient(image.reshape(1, -1), dlogits)
    return image * gradient.reshape(image.shape)
