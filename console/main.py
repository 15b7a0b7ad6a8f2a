"""Builds the console from settings and serves it until the process is asked to end. Only this machine reaches it."""

from __future__ import annotations

import contextvars
import errno
import socket
import threading

import uvicorn

from console.app import console_app
from console.database_source import DatabaseSource
from console.guard import check_loopback
from console.live import LiveOverview
from console.pages import Pages
from core.clock import SystemClock
from core.errors import ConfigurationError
from core.log import get_logger
from core.settings import Settings
from core.signals import stop_event

_LOG = get_logger(__name__)
_END_WITHIN_S = 5


def run(settings: Settings) -> None:
    """Blocks until SIGTERM or SIGINT. Serves at once and says that the database is away until it answers.

    Raises ConfigurationError for a wrong setting, an address that others can reach, and a port that cannot be used.
    """
    address = check_loopback(settings.console_host)
    clock = SystemClock()
    source = DatabaseSource(settings, clock)
    with listening_socket(address, settings.console_port) as listening:
        # The server passes the signals that end it on to this event's handlers.
        stop = stop_event()
        # Its log lines carry this process's name, too.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(source.connect, stop), name="connect", daemon=True).start()
        app = console_app(LiveOverview(source, clock), Pages(clock), address=address)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=_END_WITHIN_S,
            )
        )
        _LOG.info("console_ready", address=_url(listening))
        try:
            server.run(sockets=[listening])
        finally:
            stop.set()
            source.close()
    _LOG.info("console_ended")


def listening_socket(address: str, port: int) -> socket.socket:
    """A socket that listens on the port (0 = any free one)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as exc:
        reason = "another process uses it" if exc.errno == errno.EADDRINUSE else exc.strerror
        raise ConfigurationError(
            f"CONSOLE_PORT {port} cannot be used on {address} ({reason}): choose another one, or 0 for any free one."
        ) from exc


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
