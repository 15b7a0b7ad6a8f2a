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
        self._seen = 0
        self._refused_at: deque[int] = deque()
        self._lock = Lock()

    def passed(self, number: int) -> None:
        """Count records that were taken in."""
        with self._lock:
            self._seen += number

    def refused(self) -> None:
        """Count a record that was not; FatalError when the share is passed. Call it before its dead letter is sent."""
        with self._lock:
            self._seen += 1
            self._refused_at.append(self._seen)
            while self._refused_at[0] <= self._seen - WINDOW:
                self._refused_at.popleft()
            count, of = len(self._refused_at), min(self._seen, WINDOW)
            if count >= AT_LEAST and count > MAX_SHARE * of:
                raise FatalError(
                    f"{count} of the last {of} raw records cannot be normalised: streams stop rather than dead-letter "
                    "a topic. Nothing of this batch was moved. Look at the reasons in the log, deploy a fix, start "
                    "again."
                )
