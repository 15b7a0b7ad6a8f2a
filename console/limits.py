"""What one browser may take of this process: connections, time for a request and an answer, event streams, hashing.

uvicorn limits only the idle time between two requests of a connection. Here a connection that sends half a request, or
none, is closed in time; when all connections are taken, the one that has been waiting longest is closed.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from core.log import get_logger

BODY_S: Final = 20.0
SEND_S: Final = 30.0
T = TypeVar("T")


class BusyError(Exception):
    """All places are taken; `retry_after_s` is when to ask again."""

    def __init__(self, what: str, retry_after_s: int = 5) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


class Timed:
    """Wraps the application: a body that does not come, and an answer that nobody takes, end the request."""

    def __init__(self, app: ASGIApp, *, body_s: float = BODY_S, send_s: float = SEND_S) -> None:
        self._app = app
        self._body_s = body_s
        self._send_s = send_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does; a body that does not come in time is a 408 for whoever reads it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, _Body(receive, self._body_s), _Answer(send, self._send_s))


class _Body:
    """Everything of one body has one deadline; what is heard of a browser behind it has none."""

    def __init__(self, receive: Receive, within_s: float) -> None:
        self._receive = receive
        self._until = asyncio.get_running_loop().time() + within_s
        self._is_whole = False

    async def __call__(self) -> Message:
        if self._is_whole:
            return await self._receive()
        left_s = self._until - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self._receive(), left_s)
        except TimeoutError:
            self._is_whole = True
            raise HTTPException(408, "The request did not come in time.", {"Connection": "close"}) from None
        self._is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message


class _Answer:
    """Each part of an answer has a time to be taken."""

    def __init__(self, send: Send, within_s: float) -> None:
        self._send = send
        self._within_s = within_s

    async def __call__(self, message: Message) -> None:
        await asyncio.wait_for(self._send(message), self._within_s)


class StreamPlaces:
    """How many event streams are open: of each session and in all. Used in the event loop only."""

    def __init__(self, *, a_session: int, in_all: int) -> None:
        self._a_session = a_session
        self._in_all = in_all
        self._open: Counter[str] = Counter()

    def take(self, session: str) -> Callable[[], None]:
        """Take a place; what gives it back, to be called once. BusyError where there is none."""
        if self._open[session] >= self._a_session or self._open.total() >= self._in_all:
            raise BusyError("Too many pages listen for events already.", retry_after_s=30)
        self._open[session] += 1

        def give_back() -> None:
            self._open[session] -= 1
            if not self._open[session]:
                del self._open[session]

        return give_back


class HashingPool:
    """Threads for passwords alone, each of which takes all of a core for a while: pages never wait behind them."""

    def __init__(self, *, threads: int = 2, waiting: int = 16) -> None:
        self._limiter = CapacityLimiter(threads)
        self._places = threads + waiting
        self._taken = 0

    async def run(self, work: Callable[[], T]) -> T:
        """The result of the work in one of these threads; BusyError at once where the queue is full."""
        if self._taken >= self._places:
            raise BusyError("Too many people sign in right now. Try again in a few seconds.")
        self._taken += 1
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._taken -= 1


log = get_logger(__name__)
# A request's head comes in one or two packets, also from a phone.
HEAD_S = 10.0
_MOST = 1_000
_FEWEST = 32
# Files of the process besides browsers': database, Kafka, log, the libraries' own.
_OTHER_FILES = 96


def most_connections() -> int:
    """How many connections this process can hold, by the number of files that the system lets it open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _MOST if soft == resource.RLIM_INFINITY else soft
    return max(_FEWEST, min(_MOST, files - _OTHER_FILES))


class TimedProtocol(H11Protocol):
    """uvicorn's HTTP, with a time limit for every request's head and a limit of connections."""

    head_s = HEAD_S
    most = most_connections()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self.waits_since: float | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a first request; at the limit whoever has waited longest for its browser is closed."""
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > self.most:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes alone are no reason to wait longer: only a whole head is."""
        super().data_received(data)
        if self._is_at_work():
            self._stop_waiting()
        elif self._head_timer is None:
            self._wait_for_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_at_work():
            self._stop_waiting()
        elif not self.transport.is_closing():
            self._wait_for_head()

    def _is_at_work(self) -> bool:
        """Whether a request is being answered; how long its body may take is for whoever reads it."""
        return self.cycle is not None and not self.cycle.response_complete

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self.waits_since = self.loop.time()
        self._head_timer = self.loop.call_later(self.head_s, self.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self.waits_since = None

    def _make_room(self) -> None:
        others = (one for one in self.connections if isinstance(one, TimedProtocol))
        waiting = [one for one in others if one.waits_since is not None and one is not self]
        oldest = min(waiting, key=lambda one: one.waits_since or 0.0, default=self)
        log.warning("connections_are_all_taken", most=self.most)
        oldest.close()

    def close(self) -> None:
        """End it at once, whatever was half said."""
        self._stop_waiting()
        # Discarded at once, so that many that come together do not all choose the same one.
        self.connections.discard(self)
        self.transport.abort()
