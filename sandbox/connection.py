"""What a fault may do with the connection of its answer, besides sending bytes: wait, break it, see that it is closed.

The server and the in-process transport each put a connection into the ASGI scope, where faults find it.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, cast

EXTENSION = "sandbox.connection"

Break = Literal["reset", "close"]


class Connection(Protocol):
    """One client's connection during one request."""

    async def sleep(self, seconds: float) -> None:
        """Let time pass without sending anything."""

    async def cut(self, how: Break) -> None:
        """Break the connection off now: by a TCP reset, or by closing it in the middle of the answer."""

    def is_gone(self) -> bool:
        """Whether the client has left."""

    def now(self) -> datetime:
        """The time of day at the source, with a zone."""


class PlainConnection:
    """For ASGI servers that give no connection: it can only wait; everything else raises an error that says so."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def cut(self, how: Break) -> None:
        raise ConnectionResetError(f"This server cannot break a connection off ({how}).")

    def is_gone(self) -> bool:
        raise RuntimeError("This server cannot tell when a client leaves, so an endless answer would never end.")

    def now(self) -> datetime:
        return datetime.now(UTC)


def connection_of(scope: MutableMapping[str, Any]) -> Connection:
    """The connection of an ASGI request."""
    found = scope.get("extensions", {}).get(EXTENSION)
    return PlainConnection() if found is None else cast(Connection, found)


def with_connection(scope: MutableMapping[str, Any], connection: Connection) -> dict[str, Any]:
    """The scope with the connection in it."""
    return {**scope, "extensions": {**scope.get("extensions", {}), EXTENSION: connection}}
