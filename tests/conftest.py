"""What the Makefile sets for all tests holds for ``pytest`` in any shell, too.

Results depend on neither variable. One thread per process is faster when tests run side by side;
no test downloads anything, so no library has to look for updates first. Hypothesis tries the same
examples in each run, without a time limit, as the machine may do other work.
"""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
settings.register_profile("book", deadline=None, derandomize=True)
settings.load_profile("book")
