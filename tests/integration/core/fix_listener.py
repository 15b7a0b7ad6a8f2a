"""Listeners on this machine that are no Kafka broker, or one that refuses the sign-in."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

Handler = Callable[[socket.socket], None]
_API_VERSIONS, _SASL_HANDSHAKE, _SASL_AUTHENTICATE = 18, 17, 36
_UNSUPPORTED_VERSION, _REFUSED = 35, 58


@contextmanager
def listening(handler: Handler) -> Iterator[str]:
    """The address of a listener whose every connection is handled in a thread of its own."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=_accept, args=(listener, handler), daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def _accept(listener: socket.socket, handler: Handler) -> None:
    with suppress(OSError):  # the test has closed it
        while True:
            connection = listener.accept()[0]
            threading.Thread(target=handler, args=(connection,), daemon=True).start()


def refuses_sign_in(connection: socket.socket) -> None:
    """As much of Kafka's protocol as a client speaks before it is refused: PLAIN alone, and no password is right."""
    with closing(connection), suppress(OSError, EOFError):
        while True:
            head = _received(connection, struct.unpack(">i", _received(connection, 4))[0])
            api, version, correlation = struct.unpack(">hhi", head[:8])
            answer = struct.pack(">i", correlation) + _answer(api, version)
            connection.sendall(struct.pack(">i", len(answer)) + answer)


def speaks_http(connection: socket.socket) -> None:
    with closing(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def _answer(api: int, version: int) -> bytes:
    if api == _API_VERSIONS and version > 2:
        return struct.pack(">hi", _UNSUPPORTED_VERSION, 1) + struct.pack(">hhh", _API_VERSIONS, 0, 2)
    if api == _API_VERSIONS:
        known = ((_API_VERSIONS, 2), (_SASL_HANDSHAKE, 1), (_SASL_AUTHENTICATE, 1), (3, 4))
        offered = b"".join(struct.pack(">hhh", key, 0, newest) for key, newest in known)
        return struct.pack(">hi", 0, len(known)) + offered + (struct.pack(">i", 0) if version else b"")
    if api == _SASL_HANDSHAKE:
        return struct.pack(">hi", 0, 1) + struct.pack(">h", 5) + b"PLAIN"
    if api == _SASL_AUTHENTICATE:
        reason = b"Authentication failed"
        return (
            struct.pack(">hh", _REFUSED, len(reason)) + reason + struct.pack(">i", 0) + (bytes(8) if version else b"")
        )
    raise EOFError


def _received(connection: socket.socket, length: int) -> bytes:
    whole = b""
    while len(whole) < length:
        part = connection.recv(length - len(whole))
        if not part:
            raise EOFError
        whole += part
    return whole
