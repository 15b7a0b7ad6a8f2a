"""How the threads of a process share the interpreter."""

from __future__ import annotations

import sys

_SWITCH_INTERVAL_S = 0.0001


def switch_threads_quickly() -> None:
    """For a process in which one thread computes while others wait for servers.

    A thread whose answer has come waits for the interpreter, for up to 5 ms as Python has it; writing to Kafka and to
    Postgres is many short waits in a row, each of which would cost that. At 0.5 ms a first read is a fifth
    slower still (benchmarks/README.md).
    """
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
