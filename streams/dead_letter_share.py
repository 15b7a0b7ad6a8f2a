"""Stops the stage when too many records are refused: a bad deploy must not drain a topic into the dead letters."""

from __future__ import annotations

from collections import deque
from threading import Lock

from core.errors import FatalError

WINDOW = 1000
MAX_SHARE = 0.2
AT_LEAST = 50


class DeadLetterShare:
    """Counts the last WINDOW records of all partitions; partitions may call it from their threads."""

    def __init__(self) -> None:
        self._refused: deque[bool] = deque(maxlen=WINDOW)
        self._count = 0
        self._lock = Lock()

    def note(self, *, refused: bool) -> None:
        """Count a record; FatalError when the share is passed. Call it before the record's dead letter is sent."""
        with self._lock:
            if len(self._refused) == WINDOW:
                self._count -= self._refused[0]
            self._refused.append(refused)
            self._count += refused
            if refused and self._count >= AT_LEAST and self._count > MAX_SHARE * len(self._refused):
                raise FatalError(
                    f"{self._count} of the last {len(self._refused)} raw records cannot be normalised: streams stop "
                    "rather than dead-letter a topic. Nothing of this batch was moved. Look at the reasons in the log, "
                    "deploy a fix, start again."
                )
