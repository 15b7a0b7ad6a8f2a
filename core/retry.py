"""Waits an outage out: the same call again, with growing pauses, until it succeeds or the process is asked to end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from core.clock import Clock
from core.errors import RetriableError
from core.log import get_logger

T = TypeVar("T")

log = get_logger(__name__)
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0


def outlast(action: Callable[[], T], *, clock: Clock, stop: threading.Event) -> T:
    """What `action` returns, once it does not raise RetriableError; that error itself if `stop` is set first."""
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return action()
        except RetriableError as exc:
            log.warning("waiting_for_outage", reason=str(exc), pause_s=pause_s)
            if clock.wait(max(pause_s, exc.retry_after_s or 0.0), stop):
                raise
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
