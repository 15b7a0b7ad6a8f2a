"""Sends a sync command and follows its events until the one that ends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import uuid4

from confluent_kafka import OFFSET_END, Consumer, KafkaError, Producer, TopicPartition

from core.clock import SystemClock
from core.errors import FatalError, InvalidRecordError, RetriableError
from core.kafka.access import metadata
from core.kafka.config import consumer_config, producer_config
from core.log import get_logger
from core.settings import Settings
from core.topics import SYNC_COMMANDS, SYNC_EVENTS, partition_for
from schemas.codec import Record, encoder, to_days, to_micros
from schemas.registry import ConfluentRegistry
from schemas.sync_events import TERMINAL_EVENTS, EventReader

log = get_logger(__name__)
_SEND_S = 15
_POSITION_S = 15


@dataclass(frozen=True, slots=True)
class CommandOrder:
    """What to ask for."""

    type: str
    company_id: str
    entities: tuple[str, ...] = ()
    command_id: str = ""
    from_day: date | None = None
    to_day: date | None = None
    dry_run: bool = False
    reason: str | None = None
    target_id: str | None = None


def command_of(order: CommandOrder, *, requested_by: str, at: datetime) -> Record:
    """The record that asks for it."""
    return {
        "command_id": order.command_id,
        "type": order.type,
        "company_id": order.company_id,
        "entities": list(order.entities),
        "from_date": None if order.from_day is None else to_days(order.from_day),
        "to_date": None if order.to_day is None else to_days(order.to_day),
        "dry_run": order.dry_run,
        "requested_by": requested_by,
        "requested_at": to_micros(at),
        "reason": order.reason,
        "target_id": order.target_id,
    }


class CommandLine:
    """A sender of commands that also hears the answers. Close it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        metadata(settings)
        self._registry = ConfluentRegistry(settings)
        self._encode = encoder(SYNC_COMMANDS, self._registry)
        self._read = EventReader(self._registry)
        self._producer = Producer(producer_config(settings))
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
        end = self._consumer.get_watermark_offsets(TopicPartition(SYNC_EVENTS, partition), timeout=_POSITION_S)[1]
        self._consumer.assign([TopicPartition(SYNC_EVENTS, partition, end if end >= 0 else OFFSET_END)])

    def send(self, order: CommandOrder, *, requested_by: str) -> str:
        """The command's id, once the broker has it; RetriableError if it does not take it."""
        command_id = order.command_id or str(uuid4())
        record = command_of(replace(order, command_id=command_id), requested_by=requested_by, at=SystemClock().now())
        self._producer.produce(SYNC_COMMANDS, key=order.company_id.encode(), value=self._encode(record))
        if self._producer.flush(_SEND_S):
            raise RetriableError("Kafka did not take the command: nothing was started. Try again.")
        return command_id

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
                raise RetriableError("No Kafka broker of KAFKA_BOOTSTRAP_SERVERS answers.")
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
