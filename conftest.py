"""One thread per process for matrix products, where pytest-xdist runs tests in several processes.

Several processes with several threads each would slow each other down tenfold. This file is
loaded before NumPy, and the kernels of the notebooks inherit its setting.
"""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # OpenBLAS, MKL and PyTorch follow it
