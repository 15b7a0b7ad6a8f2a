"""Builds the console from settings and serves it until the process is asked to end."""

from __future__ import annotations

import contextvars
import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import uvicorn

from console.app import console_app
from console.cookies import Cookies
from console.database import ConsoleDatabase
from console.guard import PublicAddress
from console.limits import HashingPool, StreamPlaces, TimedProtocol, most_connections
from console.listening import Listener
from console.oidc import OpenId
from console.pages import Pages
from console.reading.company import Snapshot
from console.refused import RefusedRecords
from console.shared_reads import SharedReads
from console.user_request import Services
from control.vault import Sealer
from core.clock import SystemClock
from core.errors import ConfigurationError, IntegrationError
from core.log import get_logger
from core.metrics import MetricsServer
from core.process import stop_event
from core.settings import Settings
from schemas.command_sender import CommandSender
from schemas.registry import ConfluentRegistry

log = get_logger(__name__)
_END_WITHIN_S = 2
# A browser opens no more connections than that to one server, however many pages it shows.
_STREAMS_A_SESSION = 6
_BIGGEST_HEAD = 32 * 1024
_LETTERS_FRESH_S = 10.0


def run(settings: Settings) -> None:
    """Blocks until SIGTERM or SIGINT. Serves at once and says that the database is away until it answers.

    Raises ConfigurationError for a wrong setting, an address that needs more settings, a port in use, and a database or
    a pooler that cannot serve.
    """
    address = PublicAddress(settings)
    services = services_of(settings, address)
    with listening_socket(address.host, settings.console_port) as listening, _metrics_port(settings, services.database):
        # The server passes the signals that end it on to this event's handlers.
        stop = stop_event()
        server = uvicorn.Server(
            uvicorn.Config(
                console_app(services),
                http=TimedProtocol,
                ws="none",
                h11_max_incomplete_event_size=_BIGGEST_HEAD,
                forwarded_allow_ips=settings.forwarded_allow_ips,
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=_END_WITHIN_S,
            )
        )
        connecting = _Connecting(services.database, server)
        _in_background(lambda: connecting.run(stop), "connect")
        _in_background(lambda: services.listener.run(stop), "events")
        _in_background(lambda: services.refused.run(stop), "dead letters")
        log.info("console_ready", address=_url(listening))
        try:
            server.run(sockets=[listening])
        finally:
            stop.set()
            services.database.close()
            services.registry.close()
        if connecting.wrong is not None:
            raise connecting.wrong
    log.info("console_ended")


@contextmanager
def _metrics_port(settings: Settings, database: ConsoleDatabase) -> Iterator[None]:
    """METRICS_PORT, if one is set: Prometheus asks for addresses, which the pages' own port does not answer to."""
    if not settings.metrics_port:
        yield
        return
    with closing(MetricsServer(settings.metrics_port, host=settings.metrics_host, ready=lambda: _answers(database))):
        yield


def _answers(database: ConsoleDatabase) -> bool:
    try:
        database.ping()
    except IntegrationError:
        return False
    return True


class _Connecting:
    """Waits for the database beside the server, and ends that where no waiting helps."""

    def __init__(self, database: ConsoleDatabase, server: uvicorn.Server) -> None:
        self._database = database
        self._server = server
        self.wrong: ConfigurationError | None = None

    def run(self, stop: threading.Event) -> None:
        try:
            self._database.connect(stop)
        except ConfigurationError as exc:
            self.wrong = exc
            self._server.should_exit = True


def services_of(settings: Settings, address: PublicAddress) -> Services:
    """Everything that requests are answered with; nothing is connected yet."""
    clock = SystemClock()
    registry = ConfluentRegistry(settings.require("kafka_bootstrap_servers"))
    database = ConsoleDatabase(settings, clock)
    snapshots: SharedReads[Snapshot] = SharedReads(clock)
    openid = (
        OpenId(settings, f"{address.public_url or _own_url(settings)}/oidc/callback", clock)
        if settings.oidc_issuer
        else None
    )
    return Services(
        settings=settings,
        clock=clock,
        public_address=address,
        cookies=Cookies(settings, is_https=address.is_https),
        database=database,
        pages=Pages(has_openid=openid is not None),
        sender=CommandSender(settings, registry, clock),
        sealer=Sealer.from_settings(settings),
        registry=registry,
        listener=Listener(settings, registry, clock, on_event=snapshots.forget),
        streams=StreamPlaces(a_session=_STREAMS_A_SESSION, in_all=most_connections() // 2),
        hashing=HashingPool(),
        refused=RefusedRecords(settings, clock),
        snapshots=snapshots,
        letters=SharedReads(clock, fresh_s=_LETTERS_FRESH_S),
        openid=openid,
    )


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


def _in_background(target: Callable[[], None], name: str) -> None:
    # Its log lines carry this process's name, too.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(target,), name=name, daemon=True).start()


def _own_url(settings: Settings) -> str:
    return f"http://{settings.console_host}:{settings.console_port}"


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
