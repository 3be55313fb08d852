"""Harmonic Stack: a crew of agents behind one OpenAI-compatible address."""

import os

# Our arrays are small: a second BLAS thread costs more than it brings. It is read when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
