"""A pooler that stands before Postgres as PgBouncer does: in transaction mode whoever begins one is given the backend
that was given back last, in session mode a client keeps its own.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

_PARAMETERS = ("server_version", "server_encoding", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes")
_ENCRYPTION_ASKED = {80877103, 80877104}


class Pooler:
    """`most`: how many backends there are in all; a client that gets none waits."""

    def __init__(self, database_url: str, *, transaction_mode: bool, most: int = 10) -> None:
        self._url = database_url
        self._transaction_mode = transaction_mode
        self._free: list[psycopg.Connection[Any]] = []
        self._all: list[psycopg.Connection[Any]] = []
        self._places = threading.Semaphore(most)
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        part = conninfo_to_dict(self._url)
        port = self._listener.getsockname()[1]
        return f"postgresql://{part['user']}:{part['password']}@127.0.0.1:{port}/{part['dbname']}"

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._attend, args=[client], daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._all:
            each.close()

    def _attend(self, client: socket.socket) -> None:
        with closing(client), suppress(OSError, EOFError):
            self._welcome(client)
            while self._serve_one(client):
                pass

    def _welcome(self, client: socket.socket) -> None:
        while struct.unpack("!i", _startup(client)[:4])[0] in _ENCRYPTION_ASKED:
            client.sendall(b"N")
        with psycopg.connect(self._url) as asked:
            said = [(name, asked.info.parameter_status(name) or "") for name in _PARAMETERS]
        client.sendall(_message(b"R", struct.pack("!i", 0)))
        for name, value in said:
            client.sendall(_message(b"S", f"{name}\0{value}\0".encode()))
        client.sendall(_message(b"K", struct.pack("!ii", 7, 7)) + _message(b"Z", b"I"))

    def _serve_one(self, client: socket.socket) -> bool:
        """A transaction, or a session; whether the client goes on behind it."""
        if client.recv(1, socket.MSG_PEEK) in (b"", b"X"):
            return False
        with self._backend() as backend:
            return self._pass_on(client, backend)

    @contextmanager
    def _backend(self) -> Iterator[socket.socket]:
        with self._places:
            mine = self._one_that_is_free() or self._new_one()
            with socket.socket(fileno=os.dup(mine.fileno())) as backend:
                backend.settimeout(None)
                yield backend
            self._free.append(mine)

    def _one_that_is_free(self) -> psycopg.Connection[Any] | None:
        try:
            return self._free.pop()
        except IndexError:
            return None

    def _new_one(self) -> psycopg.Connection[Any]:
        made = psycopg.connect(self._url, autocommit=True)
        self._all.append(made)
        return made

    def _pass_on(self, client: socket.socket, backend: socket.socket) -> bool:
        while True:
            readable, _, _ = select.select([client, backend], [], [])
            if client in readable:
                sent = client.recv(65536)
                if not sent or sent == _message(b"X", b""):
                    return False
                backend.sendall(sent)
            if backend in readable:
                kind, body = _answer(backend)
                client.sendall(_message(kind, body))
                if (kind, body) == (b"Z", b"I") and self._transaction_mode:
                    return True


@contextmanager
def pooler(database_url: str, *, transaction_mode: bool, most: int = 10) -> Iterator[str]:
    """The address of a pooler before a database."""
    made = Pooler(database_url, transaction_mode=transaction_mode, most=most)
    serving = threading.Thread(target=made.serve, daemon=True)
    serving.start()
    yield made.url
    made.close()
    serving.join(10)


def _startup(client: socket.socket) -> bytes:
    return _exactly(client, struct.unpack("!i", _exactly(client, 4))[0] - 4)


def _answer(backend: socket.socket) -> tuple[bytes, bytes]:
    kind = _exactly(backend, 1)
    return kind, _exactly(backend, struct.unpack("!i", _exactly(backend, 4))[0] - 4)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _exactly(source: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        piece = source.recv(count - len(found))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)
