"""Which ink spoke for an answer?

logit of a digit  =  Σ over pixels of (ink × gradient)  +  what the biases add
"""

import numpy as np

from nnlib.nn.network import Network


def attribution(network: Network, image: np.ndarray, digit: int) -> np.ndarray:
    """How much the ink of each pixel contributed to a digit, (28, 28): input × gradient.

    image: the network's input, (28, 28) float32.
    The gradient is that of the digit's logit minus the mean of all ten, because what raises
    every logit does not change the answer. Positive values speak for the digit, negative ones
    against it; pixels without ink are 0. With one layer the logit is linear in the ink, and
    these are its terms exactly; with ReLUs it is linear as long as none of them switches
    (Shrikumar et al. 2016; Ancona et al. 2018).
    """
    dlogits = np.full((1, network.n_out), -1 / network.n_out, network.dtype)
    dlogits[0, digit] += 1
    gradient = network.input_gradient(image.reshape(1, -1), dlogits)
    return image * gradient.reshape(image.shape)
