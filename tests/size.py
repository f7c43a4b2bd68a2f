"""The two sizes of a test: of the suite, and of `python -m tests.promises --full`."""

from __future__ import annotations

import os
import random

#: Set to 1 for the full size.
FULL = "PROMISES_FULL"
#: The seed of a run. Settings that are loaded in a test's own process refuse MYSTAR_SEED, which is none of them.
SEED = "PROMISES_SEED"


def size(short: int, full: int) -> int:
    """``full`` before a release, ``short`` in the suite."""
    return full if os.environ.get(FULL) == "1" else short


def dice(seed: int) -> random.Random:
    """Chance of this seed in the suite, and of the run's own in the full size."""
    return random.Random(size(seed, int(os.environ.get(SEED) or seed)))
