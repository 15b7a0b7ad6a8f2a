"""Server-sent events: they say that a page shall look again, no more. What it shows comes from the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from console.limits import BusyError, StreamPlaces
from console.metrics import STREAMS_OPEN
from console.user_request import Services, UserRequest
from schemas.sync_events import TERMINAL_EVENTS

# A browser whose stream broke asks again after this.
_RETRY_MS = 1000
_KINDS = TERMINAL_EVENTS | {"accepted", "started", "progress", "entity-complete", "held"}
_PING_S = 10.0
_LONGEST_S = 900.0


def events(request: UserRequest) -> Response:
    """The company's events from now on; ends by itself after a quarter of an hour, so that a session's end counts."""
    return EventStream(_stream(request.services, request.company_id), request.services.streams, request.form_token())


class EventStream(StreamingResponse):
    """Holds a place while it is sent; 503 where the session, or this process, has no more."""

    def __init__(self, parts: AsyncIterator[str], places: StreamPlaces, session: str) -> None:
        super().__init__(parts, media_type="text/event-stream")
        self._places = places
        self._session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it until it ends or the browser is gone. The page then looks by itself, as it does without events."""
        try:
            place = self._places.take(self._session)
        except BusyError as busy:
            headers = {"Retry-After": str(busy.retry_after_s)}
            await JSONResponse({"error": str(busy)}, status_code=503, headers=headers)(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        finally:
            place()


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
            yield f"event: look\ndata: {kind if kind in _KINDS else 'other'}\n\n"
    finally:
        STREAMS_OPEN.dec()
        listener.leave(company_id, queue)
