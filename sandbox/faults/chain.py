"""The two chains of faults: around every request, and around the answer that a live session gets."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from sandbox.faults.answers import Bursts, FailNextRequests, Latency, MissingEndpoints
from sandbox.faults.rows import ChangedFields
from sandbox.faults.script import EditsOnRequest
from sandbox.faults.transport import SpoiltAnswers
from sandbox.faults.visit import Fault, Inner, Visit

# The first is the outermost.
AROUND_REQUESTS: tuple[Fault, ...] = (EditsOnRequest(), Latency(), Bursts(), FailNextRequests(), SpoiltAnswers())
AROUND_DATA: tuple[Fault, ...] = (MissingEndpoints(), ChangedFields())


async def answer_through(faults: tuple[Fault, ...], visit: Visit, inner: Inner) -> Response:
    """The answer of `inner`, with all faults that are switched on for the company."""
    for fault in reversed(faults):
        inner = partial(fault, visit, inner)
    return await inner()
