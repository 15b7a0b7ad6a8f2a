"""Prometheus metrics of a process, with health and readiness beside them: GET /metrics, /health, /ready.

On a loopback address it answers only requests for a loopback name: a foreign web page whose name resolves to this
machine reads nothing. The number of requests at a time, and their time, are limited.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from core.environment import host_of, is_loopback
from core.errors import ConfigurationError

_SILENCE_S = 5.0
_REQUEST_S = 20.0
_AT_A_TIME = 16


class MetricsServer:
    """Serves this process's metrics in a daemon thread until `close`."""

    def __init__(
        self, port: int, *, ready: Callable[[], bool], host: str = "127.0.0.1", why_not: Callable[[], str] = str
    ) -> None:
        """Listen on `port` (0 = any free one) of `host`; raises ConfigurationError if it is taken.

        `why_not` gives the sentence that goes with not being ready.
        """
        try:
            self._server = _Server((host, port), _routes(ready, why_not, loopback_alone=is_loopback(host)))
        except OSError as exc:
            raise ConfigurationError(
                f"METRICS_PORT {port} of METRICS_HOST {host} cannot be used ({exc.strerror}): choose another one."
            ) from exc
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """A limited number of requests at a time; more wait to be accepted."""

    def __init__(self, address: tuple[str, int], routes: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._free = threading.BoundedSemaphore(_AT_A_TIME)
        super().__init__(address, routes)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        # A client that sends a byte every few seconds is not silent, and would occupy its slot for ever.
        end = threading.Timer(_REQUEST_S, _cut, [request])
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._free.release()

    def server_bind(self) -> None:
        """Bind without the look-up of this machine's name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]


def _cut(request: socket.socket) -> None:
    with suppress(OSError):  # it has ended meanwhile
        request.shutdown(socket.SHUT_RDWR)


def _routes(
    ready: Callable[[], bool], why_not: Callable[[], str], *, loopback_alone: bool
) -> type[BaseHTTPRequestHandler]:
    class Routes(BaseHTTPRequestHandler):
        timeout = _SILENCE_S

        def do_GET(self) -> None:
            if loopback_alone and not is_loopback(host_of(self.headers.get("Host", ""))):
                self._answer(421, "text/plain", b"Ask for 127.0.0.1, [::1] or localhost.\n")
            elif self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            elif self.path == "/health":
                self._answer(200, "application/json", b'{"alive": true}')
            elif self.path == "/ready":
                state = ready()
                reason = "" if state else why_not()
                answer = {"ready": state} | ({"reason": reason} if reason else {})
                self._answer(200 if state else 503, "application/json", json.dumps(answer).encode())
            else:
                self._answer(404, "text/plain", b"Try /metrics, /health or /ready.\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes arrive every few seconds; they are not worth a log line."""

    return Routes
