"""How many rounds a test of chance runs: few by default, those of a release with `make soak`."""

from __future__ import annotations

import os


def rounds(*, usual: int, soak: int) -> int:
    """`soak` when PROTIV_SOAK is set to 1 (as `make soak` does), else `usual`."""
    return soak if os.environ.get("PROTIV_SOAK") == "1" else usual
