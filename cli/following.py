"""Sends a sync command and follows its events until the one that ends it."""

from __future__ import annotations

from collections.abc import Iterator

from confluent_kafka import OFFSET_END, Consumer, KafkaError, TopicPartition

from core.clock import SystemClock
from core.errors import FatalError, InvalidRecordError, RetriableError
from core.kafka.access import NO_BROKER, metadata
from core.kafka.config import consumer_config
from core.kafka.read import offsets_held
from core.log import get_logger
from core.settings import Settings
from core.topics import SYNC_EVENTS, partition_for
from schemas.codec import Record
from schemas.command_sender import CommandSender
from schemas.registry import ConfluentRegistry
from schemas.sync_events import TERMINAL_EVENTS, EventReader

log = get_logger(__name__)


class CommandLine:
    """A sender of commands that also hears the answers. Close it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        metadata(settings)
        self._registry = ConfluentRegistry(settings)
        self._read = EventReader(self._registry)
        self.send = CommandSender(settings, self._registry, SystemClock()).send
        config = consumer_config(settings, "protiv-cli") | {"enable.partition.eof": False}
        self._consumer = Consumer(config)
        self._company_id = ""

    def close(self) -> None:
        self._consumer.close()
        self._registry.close()

    def listen(self, company_id: str) -> None:
        """Hear every event of the company from now on: before this returns the position is fixed."""
        self._company_id = company_id
        partition = partition_for(company_id, self._settings.entity_partitions)
        end = offsets_held(self._consumer, TopicPartition(SYNC_EVENTS, partition))[1]
        self._consumer.assign([TopicPartition(SYNC_EVENTS, partition, end if end >= 0 else OFFSET_END)])

    def events(self, command_id: str, *, quiet_s: float) -> Iterator[Record]:
        """The command's events and those of the run it joined, up to its terminal one.

        FatalError if nothing is heard of its company for `quiet_s` seconds: a command may wait behind a long read.
        """
        clock = SystemClock()
        heard_at = clock.monotonic()
        run_id: str | None = None
        while True:
            event = self._next_event()
            if event is not None and event["company_id"] == self._company_id:
                heard_at = clock.monotonic()
                is_own = event["command_id"] == command_id
                run_id = event["run_id"] if is_own and event["run_id"] else run_id
                if is_own or _is_of_run(event, run_id):
                    yield event
                if is_own and event["type"] in TERMINAL_EVENTS:
                    return
            if clock.monotonic() - heard_at > quiet_s:
                raise FatalError(
                    f"No poller said anything about command {command_id} for {quiet_s:.0f} s: is one running? "
                    "The command stays and is done when one starts."
                )

    def _next_event(self) -> Record | None:
        message = self._consumer.poll(0.2)
        if message is None:
            return None
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._ALL_BROKERS_DOWN:
                raise RetriableError(NO_BROKER)
            return None
        try:
            return self._read(message.value())
        except InvalidRecordError as exc:
            # Anybody may have written it; what cannot be read is no answer.
            log.warning("event_undecodable", reason=exc.reason)
            return None


def _is_of_run(event: Record, run_id: str | None) -> bool:
    """Progress of the run goes to the command that began it; other commands of the run only have their end."""
    return run_id is not None and event["run_id"] == run_id and event["type"] not in TERMINAL_EVENTS
