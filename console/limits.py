"""What one browser may take of this process: time for a body and for an answer, event streams, and password hashing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
