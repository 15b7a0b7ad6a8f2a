"""How many rounds a test of chance runs, or which: few by default, those of a release with `make soak`."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")


def rounds(*, usual: T, soak: T) -> T:
    """`soak` when PROTIV_SOAK is set to 1 (as `make soak` does), else `usual`."""
    return soak if os.environ.get("PROTIV_SOAK") == "1" else usual
