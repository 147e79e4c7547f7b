"""The environment of all tests, and of the kernels that run the notebooks.

One thread per process for matrix products, where pytest-xdist runs tests in several processes:
several processes with several threads each would slow each other down tenfold. This file is
loaded before NumPy, which reads the setting.

The digit that somebody drew in notebook 01 must not change what the notebooks print.
"""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # OpenBLAS, MKL and PyTorch follow it

os.environ["NNLIB_MY_DIGIT"] = "no-such-digit.jsonl"
