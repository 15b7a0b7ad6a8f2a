"""Turns SIGTERM and SIGINT into one event that the loops of a process wait on."""

from __future__ import annotations

import signal
import threading


def stop_event() -> threading.Event:
    """An event that is set when this process is asked to end. Call it once, in the main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop
