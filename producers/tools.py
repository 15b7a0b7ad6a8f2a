"""What every piece of work on a connection needs, built once a process."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

import httpx

from control.commands import OpenCommand
from control.connections import Connection, Lease
from core.errors import ConfigurationError, FatalError, RetriableError
from core.log import get_logger
from producers.buildertrend.account import Account
from producers.buildertrend.client import ReadStoppedError
from producers.buildertrend.faults import SourceFaultError
from producers.replay.command import ReplayEnd
from producers.runs.messages import Encoder
from producers.runs.outcome import Recorder
from producers.runs.publisher import Publisher
from schemas.faults import internal_error

log = get_logger(__name__)

FORESEEN = (SourceFaultError, ReadStoppedError, RetriableError, FatalError, ConfigurationError, MemoryError)
"""What ends a run in a way of its own; any other exception is a fault of ours."""

CountRequest = Callable[[httpx.Request], None]
AccountFactory = Callable[[Lease, Connection, threading.Event, CountRequest], Account]
PublisherFactory = Callable[[str], Publisher]
Replay = Callable[[OpenCommand, Callable[[], bool]], ReplayEnd]
"""Puts a company's dead letters through, or says how many it would; how that ended."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every piece of work needs."""

    recorder: Recorder
    encoders: Mapping[str, Encoder]
    account: AccountFactory
    publisher: PublisherFactory
    replay: Replay


def unforeseen(exc: Exception) -> SourceFaultError:
    """What nobody foresaw as a fault of ours, with the reference under which the log has it."""
    reference = log_crash(exc)
    return SourceFaultError(internal_error(reference), f"unforeseen {type(exc).__name__}, reference {reference}")


def log_crash(exc: Exception) -> str:
    """A reference under which the log has the exception's kind and trace, without its text, which may hold a record."""
    reference = uuid4().hex[:8]
    trace = "".join(traceback.format_tb(exc.__traceback__))
    log.error("run_crashed", reference=reference, error=type(exc).__name__, trace=trace)
    return reference
