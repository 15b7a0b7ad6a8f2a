"""uvicorn's HTTP protocol with the client's connection in the ASGI scope, so that a fault can really break it."""

from __future__ import annotations

import asyncio
import socket
import struct
from datetime import UTC, datetime
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.connection import Break, with_connection

# Closing a socket with a linger time of zero sends RST in place of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)


class BreakableProtocol(H11Protocol):
    """For `uvicorn.Config(http=...)`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of a TCP server every transport is one."""
        connected = cast(asyncio.Transport, transport)
        super().connection_made(connected)
        self.app = _with_connection(self.app, connected)


class ServerConnection:
    """The connection of one request that the server answers."""

    def __init__(self, transport: asyncio.Transport, receive: Receive) -> None:
        self._transport = transport
        self._receive = receive

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def cut(self, how: Break) -> None:
        """Returns once the connection is down: before, the server would log the unfinished answer as an error."""
        if how == "reset":
            held: socket.socket = self._transport.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()
        else:
            self._transport.close()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def is_gone(self) -> bool:
        return self._transport.is_closing()

    def now(self) -> datetime:
        return datetime.now(UTC)


def _with_connection(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def connected(scope: Scope, receive: Receive, send: Send) -> None:
        await app(with_connection(scope, ServerConnection(transport, receive)), receive, send)

    return connected
