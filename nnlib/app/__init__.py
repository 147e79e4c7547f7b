"""The drawing app: a pad, the prediction, and panels that explain it. Start with `inspector.py`.

The notebooks' own pad is in `digit_pad.py`.
"""

from nnlib.app.digit_pad import DigitPad, MyDigit, my_digit
from nnlib.app.inspector import Inspector

__all__ = ["DigitPad", "Inspector", "MyDigit", "my_digit"]
