"""Hears `integration.sync-events` and tells open pages to look again.

Nothing that a page shows comes from here: an event that is missed, forged or broken changes no page.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from contextlib import closing
from typing import Protocol

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from core.clock import Clock
from core.errors import IntegrationError, InvalidRecordError, RetriableError
from core.kafka.config import consumer_config
from core.kafka.errors import Meaning, meaning_of
from core.log import get_logger
from core.settings import Settings
from core.topics import SYNC_EVENTS
from schemas.codec import Record, SchemaSource
from schemas.sync_events import EventReader

log = get_logger(__name__)
_TIMEOUT_S = 10
_PAUSE_S = 2.0
_MOST_WAITING = 100


class Forget(Protocol):
    """Called with a company that something happened to."""

    def __call__(self, company_id: str, /) -> None: ...


class Listener:
    """Runs in a thread of its own; pages subscribe in the event loop."""

    def __init__(self, settings: Settings, registry: SchemaSource, clock: Clock, *, on_event: Forget) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._on_event = on_event
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)

    def run(self, stop: threading.Event) -> None:
        """Blocks until `stop` is set; waits every outage out."""
        while not stop.is_set():
            try:
                self._listen(stop)
            except (IntegrationError, KafkaException) as exc:
                log.warning("events_cannot_be_heard", reason=str(exc))
                self._clock.wait(_PAUSE_S, stop)

    def subscribe(self, company_id: str) -> asyncio.Queue[str]:
        """What kind of event happens to the company from now on; only in the event loop."""
        self._loop = asyncio.get_running_loop()
        queue: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)
        self._open[company_id].add(queue)
        return queue

    def leave(self, company_id: str, queue: asyncio.Queue[str]) -> None:
        self._open[company_id].discard(queue)
        if not self._open[company_id]:
            del self._open[company_id]

    def _listen(self, stop: threading.Event) -> None:
        read = EventReader(self._registry)
        config = consumer_config(self._settings, "protiv-console") | {"enable.partition.eof": False}
        with closing(Consumer(config)) as consumer:
            consumer.assign(self._positions(consumer))
            log.info("events_are_heard")
            while not stop.is_set():
                message = consumer.poll(0.5)
                if message is None:
                    continue
                error = message.error()
                if error is not None:
                    if meaning_of(error) is Meaning.FINAL:
                        raise RetriableError(f"Sync events cannot be read now ({error.name()}).")
                    continue
                try:
                    event = read(message.value())
                except InvalidRecordError as exc:
                    log.warning("event_undecodable", reason=exc.reason)
                else:
                    self._take(event)

    def _positions(self, consumer: Consumer) -> list[TopicPartition]:
        """The end: what happened before is in the database."""
        topic = consumer.list_topics(SYNC_EVENTS, timeout=_TIMEOUT_S).topics[SYNC_EVENTS]
        if not topic.partitions:
            raise RetriableError("There is no topic integration.sync-events yet.")
        return [TopicPartition(SYNC_EVENTS, number, OFFSET_END) for number in topic.partitions]

    def _take(self, event: Record) -> None:
        self._on_event(event["company_id"])
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, event["company_id"], event["type"])

    def _tell(self, company_id: str, kind: str) -> None:
        for queue in self._open.get(company_id, ()):
            if not queue.full():
                queue.put_nowait(kind)
