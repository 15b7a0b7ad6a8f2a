"""How many rounds a test of chance runs, or which: few by default, those of a release with `make soak`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from hypothesis import seed

T = TypeVar("T")


def rounds(*, usual: T, soak: T) -> T:
    """`soak` when PROTIV_SOAK is set to 1 (as `make soak` does), else `usual`."""
    return soak if os.environ.get("PROTIV_SOAK") == "1" else usual


def fuzz(check: Callable[[], None]) -> None:
    """Run a property once; with `make soak` for ten minutes, each time from another seed.

    Each time is a run of its own to Hypothesis: it holds all examples of one in memory.
    """
    for number in _numbers(rounds(usual=0.0, soak=600.0)):
        seed(number)(check)()


def _numbers(seconds: float) -> Iterator[int]:
    give_up_at = time.monotonic() + seconds
    number = 0
    while True:
        yield number
        number += 1
        if time.monotonic() >= give_up_at:
            return
