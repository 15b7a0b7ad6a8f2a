"""Builds the poller from settings and runs it: the one place where its parts meet the world."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import ExitStack, closing
from http.cookiejar import CookieJar
from uuid import uuid4

import httpx

from control.connections import PASSWORD, Connection, Lease, credential
from control.database import Database
from control.vault import Opener
from core.clock import Clock, SystemClock
from core.errors import ConfigurationError
from core.log import get_logger
from core.metrics import MetricsServer
from core.postgres import Session
from core.process import search_garbage_rarely, stop_event, switch_threads_quickly
from core.retry import Patience
from core.settings import Settings
from producers import metrics
from producers.buildertrend.account import Account
from producers.buildertrend.client import HttpClient, Limits
from producers.buildertrend.sign_in import Hosts, SignInDetails
from producers.commands.answer_publisher import AnswerPublisher, KafkaAnswerTopic
from producers.commands.command_loop import CommandLoop
from producers.commands.inbox import Inbox
from producers.connection_work import work_on
from producers.poller import Poller
from producers.recipe_news import stored_recipe
from producers.replay.command import ReplayCommand
from producers.restored_database import RawTopics, RestoreGuard
from producers.runs.outcome import Recorder
from producers.runs.publisher import TransactionalPublisher
from producers.sessions import VaultSessions
from producers.sync_events import KafkaEventWriter
from producers.tools import CountRequest, Tools
from schemas.batch_codec import BatchEncoder
from schemas.registry import ConfluentRegistry
from schemas.stored_ids import check_stored_ids
from schemas.topic_setup import check_topics
from schemas.topics import RAW_TOPICS

log = get_logger(__name__)
# Objects of them: a page's all live until it is committed.
_A_FEW_PAGES = 10_000
_CONNECT_S = 10.0
# Transactions last milliseconds, reads wait for the source: a few serve many.
_MOST_DATABASE_CONNECTIONS = 12
_SESSION = Session("protiv-poller", statement_s=300, lock_s=60, idle_in_transaction_s=300)


class Accounts:
    """Makes accounts that share one pool of connections to Buildertrend."""

    def __init__(
        self, settings: Settings, database: Database, opener: Opener, clock: Clock, *, http: httpx.Client
    ) -> None:
        self._settings = settings
        self._database = database
        self._opener = opener
        self._clock = clock
        self._http = http

    def __call__(self, lease: Lease, connection: Connection, stop: threading.Event, count: CountRequest) -> Account:
        limits = Limits(gap_ms=self._settings.buildertrend_min_request_gap_ms)
        return Account(
            HttpClient(self._http, self._clock, limits, stop, count=count),
            hosts=Hosts(self._settings.buildertrend_app_url, self._settings.buildertrend_login_url),
            details=lambda: self._details(connection),
            sessions=VaultSessions(self._database, self._opener, lease, longest_pause_s=self._settings.poll_interval_s),
            recipe=stored_recipe(self._database, connection.company_id),
        )

    def _details(self, connection: Connection) -> SignInDetails:
        with self._database.transaction() as tx:
            sealed = credential(tx, connection.company_id, PASSWORD)
        if sealed is None:
            raise ConfigurationError("The connection has no password: connect it again.")
        password = self._opener.open(sealed, company_id=connection.company_id, kind=PASSWORD)
        return SignInDetails(connection.username, password.decode())


def tune_interpreter() -> None:
    """Settings of the process for pages of many objects, which one thread commits while another compares."""
    search_garbage_rarely(_A_FEW_PAGES)
    switch_threads_quickly()


def run(settings: Settings) -> None:
    """Blocks until SIGTERM or SIGINT. Raises ConfigurationError for a wrong setting or a set-up that does not fit."""
    tune_interpreter()
    stop = stop_event()
    with ExitStack() as open_ones:
        poller = _poller(settings, SystemClock(), stop, open_ones)
        server = MetricsServer(settings.metrics_port, ready=lambda: True, host=settings.metrics_host)
        open_ones.callback(server.close)
        log.info("poller_ready", metrics_port=server.port)
        poller.run(stop)
    log.info("poller_ended")


def _poller(settings: Settings, clock: SystemClock, stop: threading.Event, open_ones: ExitStack) -> Poller:
    """A poller with all that it needs, which is closed with `open_ones`. Waits for what does not answer yet."""
    opener = Opener.from_settings(settings)
    http = open_ones.enter_context(_http_client())
    registry = open_ones.enter_context(closing(ConfluentRegistry(settings)))
    database = Database(settings, max_connections=_MOST_DATABASE_CONNECTIONS, session=_SESSION)
    until_done = Patience(clock, stop).until_done
    until_done(database.open)
    open_ones.callback(database.close)
    until_done(lambda: check_topics(settings))
    encoders = until_done(lambda: {topic: BatchEncoder(topic, registry) for topic in RAW_TOPICS})
    until_done(lambda: check_stored_ids(settings, registry, RAW_TOPICS))
    events = until_done(lambda: KafkaEventWriter(settings, registry, clock))
    open_ones.callback(events.close)
    recorder = Recorder(settings, database, events, clock)
    answers = AnswerPublisher(
        settings.database_url.get_secret_value(), lambda: KafkaAnswerTopic(settings, registry), clock
    )
    open_ones.callback(answers.close)
    inbox = Inbox(settings, source=registry, database=database, events=events)
    open_ones.callback(inbox.close)
    command_loop = CommandLoop(recorder, inbox.take, answers.turn, clock)
    tools = Tools(
        recorder=recorder,
        encoders=encoders,
        account=Accounts(settings, database, opener, clock, http=http),
        publisher=lambda company_id: TransactionalPublisher(settings, company_id),
        replay=ReplayCommand(settings, clock),
    )
    return Poller(
        owner=_owner(),
        database=database,
        clock=clock,
        work=lambda lease, ended: work_on(lease, tools, ended),
        take_commands=command_loop.turn,
        reads_to_stop=command_loop.reads_to_stop,
        check_database=RestoreGuard(database, RawTopics(settings, registry), clock).check,
    )


def _owner() -> str:
    """Tells this process from every other poller, on this machine or another."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


class _NoCookies(CookieJar):
    """Keeps nothing that answers set: sessions are their accounts' own, and a jar of all would grow for ever."""

    def extract_cookies(self, response: object, request: object) -> None: ...


def _http_client() -> httpx.Client:
    """One pool of connections for all accounts."""
    return httpx.Client(
        cookies=_NoCookies(),
        timeout=httpx.Timeout(30.0, connect=_CONNECT_S),
        follow_redirects=False,
        event_hooks={"response": [_count_answer]},
    )


def _count_answer(response: httpx.Response) -> None:
    metrics.SOURCE_ANSWERS.labels(f"{response.status_code // 100}xx").inc()
