"""Server-sent events: they say that a page shall look again, no more. What it shows comes from the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from console.services import Services
from console.telemetry import STREAMS_OPEN
from console.visit import Visit

# A browser whose stream broke asks again after this.
_RETRY_MS = 1000
_PING_S = 10.0
_LONGEST_S = 900.0


def events(visit: Visit) -> Response:
    """The company's events from now on; ends by itself after a quarter of an hour, so that a session's end counts."""
    return StreamingResponse(_stream(visit.services, visit.company_id), media_type="text/event-stream")


async def _stream(services: Services, company_id: str) -> AsyncIterator[str]:
    listener, clock = services.listener, services.clock
    queue = listener.subscribe(company_id)
    STREAMS_OPEN.inc()
    until = clock.monotonic() + _LONGEST_S
    try:
        yield f"retry: {_RETRY_MS}\nevent: look\ndata: open\n\n"
        while clock.monotonic() < until:
            try:
                kind = await asyncio.wait_for(queue.get(), _PING_S)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            # A page of progress a browser is enough, however fast the reader is.
            while not queue.empty():
                kind = queue.get_nowait()
            yield f"event: look\ndata: {kind}\n\n"
    finally:
        STREAMS_OPEN.dec()
        listener.leave(company_id, queue)
