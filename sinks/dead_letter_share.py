"""Stops the stage when too many records are refused: a bad deploy must not drain a topic into the dead letters."""

from __future__ import annotations

from collections import deque

from core.errors import FatalError

WINDOW = 1000
MAX_SHARE = 0.2
AT_LEAST = 50


class DeadLetterShare:
    """The share of dead letters among the last WINDOW records, or in the batch at hand if that is larger."""

    def __init__(self) -> None:
        self._batches: deque[tuple[int, int]] = deque(maxlen=WINDOW)

    def check(self, records: int, rejected: int) -> None:
        """FatalError if a batch with so many dead letters passes the share. Ask it before anything is delivered."""
        total, refused = records, rejected
        for size, count in self._batches:
            if total >= WINDOW:
                break
            total, refused = total + size, refused + count
        if refused >= AT_LEAST and refused > MAX_SHARE * total:
            raise FatalError(
                f"{refused} of the last {total} records cannot be merged: the sink stops rather than dead-letter a "
                "topic. Nothing of this batch was moved. Look at the reasons in the log, deploy a fix, start it again."
            )

    def add(self, records: int, rejected: int) -> None:
        """Count a batch that was committed."""
        kept = min(records, WINDOW)
        # A large batch counts as WINDOW records with the same share, or it would hide what comes after it.
        self._batches.appendleft((kept, rejected * kept // max(records, 1)))
