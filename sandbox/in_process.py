"""The sandbox as an httpx transport inside the caller's process: no socket, no thread, no event loop.

The application runs only while its caller waits for an answer, step by step, so that a program is repeatable to the
byte. Broken connections and time-outs are the httpx errors that a real connection gives.
"""

from __future__ import annotations

import time
import types
from collections import deque
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import httpx
from starlette.types import ASGIApp, Message

from sandbox.connection import Break, with_connection

_BREAKS: dict[Break, tuple[type[httpx.TransportError], str]] = {
    "reset": (httpx.ReadError, "[Errno 104] Connection reset by peer"),
    "close": (httpx.RemoteProtocolError, "peer closed connection without sending complete message body"),
}


class InProcessTransport(httpx.BaseTransport):
    """Carries an `httpx.Client`'s requests to an ASGI application; for one thread at a time.

    `pause` is called instead of sleeping (a test moves its clock), `now` gives the source's time of day, and
    `before_request` is called with each request before the application sees it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        before_request: Callable[[httpx.Request], None] = lambda _: None,
    ) -> None:
        self.pause = pause
        self.now = now
        self.before_request = before_request
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises what the application raises, and httpx's errors for a broken connection or a read time-out."""
        self.before_request(request)
        exchange = _Exchange(self, self._app, request)
        start = exchange.next_message()
        if start is None:
            raise RuntimeError("The application ended without an answer.")
        return httpx.Response(start["status"], headers=start["headers"], stream=_Body(exchange), request=request)


class _Exchange:
    """One request and its answer, and the connection of that answer."""

    def __init__(self, transport: InProcessTransport, app: ASGIApp, request: httpx.Request) -> None:
        self._transport = transport
        self._request = request
        self._read_timeout_s: float | None = request.extensions.get("timeout", {}).get("read")
        self._silent_s = 0.0
        self._received = False
        self._failure: httpx.TransportError | None = None
        self._sent: deque[Message] = deque()
        self._running = self._run(app, with_connection(_scope(request), self))

    def next_message(self) -> Message | None:
        """The next message of the application; None at its end."""
        while not self._sent:
            try:
                self._running.send(None)
            except StopIteration:
                break
            if self._failure is not None:
                self.close()
                raise self._failure
        return self._sent.popleft() if self._sent else None

    def close(self) -> None:
        """End the application wherever it is, as when a client disconnects."""
        self._running.close()

    async def sleep(self, seconds: float) -> None:
        limit_s = self._read_timeout_s
        if limit_s is not None and self._silent_s + seconds > limit_s:
            self._transport.pause(limit_s - self._silent_s)
            await self._fail(httpx.ReadTimeout("The read operation timed out", request=self._request))
        self._silent_s += seconds
        self._transport.pause(seconds)

    async def cut(self, how: Break) -> None:
        error, text = _BREAKS[how]
        await self._fail(error(text, request=self._request))

    def is_gone(self) -> bool:
        return False

    def now(self) -> datetime:
        return self._transport.now()

    async def _run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self._received:
            return {"type": "http.disconnect"}
        self._received = True
        return {"type": "http.request", "body": self._request.read(), "more_body": False}

    async def _send(self, message: Message) -> None:
        self._sent.append(message)
        self._silent_s = 0.0
        await _yield_to_caller()

    async def _fail(self, failure: httpx.TransportError) -> None:
        self._failure = failure
        await _yield_to_caller()


class _Body(httpx.SyncByteStream):
    """The answer's body, produced while it is read."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        while (message := self._exchange.next_message()) is not None:
            if message.get("body"):
                yield message["body"]

    def close(self) -> None:
        self._exchange.close()


@types.coroutine
def _yield_to_caller() -> Generator[None, None, None]:
    """Give control back to the caller that waits for the answer, until it wants the next message."""
    yield


def _scope(request: httpx.Request) -> dict[str, Any]:
    path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": unquote(path.decode()),
        "raw_path": path,
        "root_path": "",
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 0),
        "server": (request.url.host, request.url.port or 80),
        "state": {},
    }
