"""What MNIST's images have in common."""

import numpy as np

from nnlib.preprocessing.mnist_format import center_of_mass


class TestCenterOfMass:
    def test_matches_hand_calculation(self):
        image = np.zeros((28, 28))
        image[10, 4], image[10, 8], image[13, 4] = 1, 1, 2
        # x: (4 + 8 + 2 · 4) / 4, y: (10 + 10 + 2 · 13) / 4
        assert center_of_mass(image) == (5, 11.5)

    def test_of_an_image_that_is_not_square(self):
        image = np.zeros((3, 40))
        image[2, 30] = 0.5
        assert center_of_mass(image) == (30, 2)
