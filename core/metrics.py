"""Prometheus metrics of a process, with health and readiness beside them: GET /metrics, /health, /ready."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from core.errors import ConfigurationError


class MetricsServer:
    """Serves this process's metrics in a daemon thread until `close`."""

    def __init__(
        self, port: int, *, ready: Callable[[], bool], host: str = "127.0.0.1", why_not: Callable[[], str] = str
    ) -> None:
        """Listen on `port` (0 = any free one) of `host`; raises ConfigurationError if it is taken.

        `why_not` gives the sentence that goes with not being ready.
        """
        try:
            self._server = ThreadingHTTPServer((host, port), _routes(ready, why_not))
        except OSError as exc:
            raise ConfigurationError(
                f"METRICS_PORT {port} of METRICS_HOST {host} cannot be used ({exc.strerror}): choose another one."
            ) from exc
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _routes(ready: Callable[[], bool], why_not: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Routes(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            elif self.path == "/health":
                self._answer(200, "application/json", b'{"alive": true}')
            elif self.path == "/ready":
                state = ready()
                reason = "" if state else why_not()
                said = {"ready": state} | ({"reason": reason} if reason else {})
                self._answer(200 if state else 503, "application/json", json.dumps(said).encode())
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
