"""What a process sets up at its start: the event that ends it, and how its threads and memory are managed."""

from __future__ import annotations

import gc
import signal
import sys
import threading

_SWITCH_INTERVAL_S = 0.0001


def switch_threads_quickly() -> None:
    """For a process in which one thread computes while others wait for servers.

    A thread whose answer has arrived waits for the interpreter for up to 5 ms by default; writing to Kafka and to
    Postgres is many short waits in a row, each of which would cost that. At 0.5 ms a first read is a fifth
    slower still (benchmarks/README.md).
    """
    sys.setswitchinterval(_SWITCH_INTERVAL_S)


def search_garbage_rarely(new_objects: int) -> None:
    """For a process whose objects come and go by the batch, or stay: searching them for cycles is mostly in vain.

    Objects that exist by now are never searched again. `new_objects`: how many more make the collector search the
    youngest. Python's default of 700 takes a sixth of the time of streams and sink.
    """
    gc.freeze()
    gc.set_threshold(new_objects, 20, 50)


def stop_event() -> threading.Event:
    """An event that is set when this process is asked to end. Call it once, in the main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop
