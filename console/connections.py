"""Connections of browsers: each has a time to say what it wants, and they are never so many that files run out.

uvicorn times only the pause between two requests of a connection. Here whoever sends half a request, or none at all, is
closed; where all places are taken the connection that has waited longest makes room.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from core.log import get_logger

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
