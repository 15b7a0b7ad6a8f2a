"""A proxy before Postgres that lets a COMMIT through and cuts the connection instead of passing the answer on."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict

_COMMIT = b"Q\0\0\0\x0bCOMMIT\0"


class LostAnswers:
    """`lost` counts the answers that were withheld; the server had sent them."""

    def __init__(self, database_url: str) -> None:
        at = conninfo_to_dict(database_url)
        self._server = (str(at["host"]), int(str(at["port"])))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._armed = threading.Event()
        self.lost = 0
        port = self._listener.getsockname()[1]
        self.url = f"postgresql://{at['user']}:{at['password']}@127.0.0.1:{port}/{at['dbname']}?sslmode=disable"

    def lose_next_commit(self) -> None:
        self._armed.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        committing = threading.Event()
        with client, socket.create_connection(self._server) as server:
            threading.Thread(target=self._to_client, args=[server, client, committing], daemon=True).start()
            with suppress(OSError):
                while data := client.recv(65536):
                    if self._armed.is_set() and data.endswith(_COMMIT):
                        self._armed.clear()
                        committing.set()
                    server.sendall(data)

    def _to_client(self, server: socket.socket, client: socket.socket, committing: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if committing.is_set():
                    # The answer means that the commit is durable. The client learns nothing of it.
                    self.lost += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
