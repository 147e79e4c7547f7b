"""Why did the network answer that? What its input did, and what goes on inside.

logit of a digit  =  Σ over pixels of (ink × gradient)  +  what the biases add
"""

import numpy as np

from nnlib.layers import ReLU
from nnlib.network import Network


def attribution(network: Network, tensor: np.ndarray, digit: int) -> np.ndarray:
    """How much the ink of each pixel spoke for a digit, (784,): input × gradient.

    The gradient of the digit's logit, less the mean of all ten: what speaks for every digit
    speaks for none. Positive is for, negative against, and paper says nothing. With one
    layer the logit is linear in the ink, and these are its terms exactly; with ReLUs it is
    linear as long as none of them switches (Shrikumar et al. 2016; Ancona et al. 2018).
    """
    logits = network.forward(tensor[None])
    dY = np.full_like(logits, -1 / network.n_out)
    dY[0, digit] += 1
    for layer in reversed(network.layers):
        dY = layer.backward(dY)
    return tensor * dY[0]


def is_linear(network: Network) -> bool:
    """Whether the logits are a weighted sum of the pixels, so that an attribution is exact."""
    return not any(isinstance(layer, ReLU) for layer in network.layers)


def activations(network: Network, tensor: np.ndarray) -> list[np.ndarray]:
    """What each hidden layer puts out for one tensor, after its ReLU: (256,), (128,)."""
    hidden, Y = [], tensor[None]
    for layer in network.layers:
        Y = layer.forward(Y)
        if isinstance(layer, ReLU):
            hidden.append(Y[0])
    return hidden
