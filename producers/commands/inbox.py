"""Consumes sync commands from their topic: each is checked, then stored once an id, or refused with the reason.

A record that can never be a command becomes a dead letter, and is answered if it shows who sent it. No record, whatever
it holds, keeps those behind it waiting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from control.database import Database
from core.clock import SystemClock
from core.dead_letters.letter import RejectedRecord, dead_letter, header_list
from core.errors import ConfigurationError, InvalidRecordError, RetriableError
from core.kafka.config import consumer_config, producer_config
from core.kafka.delivery import Outgoing, deliver
from core.kafka.errors import Meaning, meaning_of
from core.kafka.groups import POLLER_GROUP
from core.log import get_logger
from core.settings import Settings
from core.topics import ALL_COMPANIES, DEAD_LETTERS, SYNC_COMMANDS
from producers import metrics
from producers.commands.intake import Intake
from producers.sync_events import EventWriter, SyncEvent
from schemas.codec import HEADER_BYTES, Decoder, SchemaSource
from schemas.commands import LARGEST_VALUE_BYTES, company_problem, is_uuid

_MOST_AT_ONCE = 100
_TRIES = 3
# The first field of a command is its id: the length 36 as Avro writes it, then the UUID.
_ID_IN_AVRO = re.compile(rb"\x48([0-9a-fA-F-]{36})")
_ID_IN_JSON = re.compile(rb'"command_id"\s*:\s*"([0-9a-fA-F-]{36})"')
_SEARCHED_BYTES = 4096
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who waits for an answer: the command's id and its company, as far as the record shows them."""

    command_id: str | None
    company_id: str | None


class Inbox:
    """Not for use by two threads at once."""

    def __init__(self, settings: Settings, *, source: SchemaSource, database: Database, events: EventWriter) -> None:
        # A new group starts with the commands that were sent before it existed.
        config = consumer_config(settings, POLLER_GROUP) | {
            "auto.offset.reset": "earliest",
            "enable.partition.eof": False,
        }
        self._consumer = Consumer(config)
        self._consumer.subscribe([SYNC_COMMANDS])
        self._dead_letters = Producer(producer_config(settings))
        self._decode = Decoder(SYNC_COMMANDS, source)
        self._intake = Intake(settings, database, events, SystemClock())
        self._events = events
        self._failed: dict[tuple[int | None, int | None], int] = {}

    def take(self) -> int:
        """Take the records that have arrived, without waiting for more; how many.

        An offset is committed only once its command is stored. RetriableError for an outage: nothing is lost.
        """
        taken = 0
        while taken < _MOST_AT_ONCE and (message := self._consumer.poll(0)) is not None:
            error = message.error()
            if error is not None:
                if meaning_of(error) in (Meaning.NO_SUCH_TOPIC, Meaning.FINAL):
                    raise RetriableError(f"Sync commands cannot be read now ({error.name()}).")
                return taken
            self._take_one(message)
            taken += 1
        return taken

    def close(self) -> None:
        self._consumer.close()

    def _take_one(self, message: Message) -> None:
        try:
            self._keep_or_put_aside(message)
        except RetriableError:
            # The same record again, later: nothing behind it may be committed before it.
            self._consumer.seek(_position(message))
            raise
        try:
            self._consumer.commit(message=message, asynchronous=False)
        except KafkaException as exc:
            raise RetriableError(f"An offset cannot be committed now ({exc.args[0].name()}).") from exc

    def _keep_or_put_aside(self, message: Message) -> None:
        sender = sender_of(message.key(), message.value())
        try:
            command = self._decoded(message.value() or b"")
            sender = sender_in(command)
            self._intake.take(command)
        except InvalidRecordError as exc:
            self._put_aside(message, exc, sender)
        except (RetriableError, ConfigurationError):
            raise
        except Exception as exc:  # noqa: BLE001 - one record must not stop the others; logged with its trace
            self._put_aside(message, self._given_up(message, exc), sender)
        self._failed.pop(_place(message), None)

    def _decoded(self, value: bytes) -> Mapping[str, Any]:
        if len(value) > LARGEST_VALUE_BYTES:
            problem = f"The command is {len(value):,} bytes long; it may be {LARGEST_VALUE_BYTES:,}."
            raise InvalidRecordError(problem, error_class="too-long")
        return self._decode(value)

    def _given_up(self, message: Message, exc: Exception) -> InvalidRecordError:
        """The reason for a dead letter after an unforeseen error; RetriableError while there are tries left."""
        place = _place(message)
        self._failed[place] = tries = self._failed.get(place, 0) + 1
        log.exception("command_cannot_be_processed", partition=place[0], offset=place[1], tries=tries)
        if tries < _TRIES:
            raise RetriableError(f"A command cannot be processed ({type(exc).__name__}).") from exc
        reason = f"The command could not be processed ({type(exc).__name__}); that is our fault: send it again later."
        return InvalidRecordError(reason, error_class="cannot-be-processed")

    def _put_aside(self, message: Message, error: InvalidRecordError, sender: Sender) -> None:
        """Write a dead letter, then answer. After an outage both are repeated: the answer has the same id each time."""
        record = RejectedRecord(
            topic=message.topic() or SYNC_COMMANDS,
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            key=message.key(),
            value=message.value(),
            headers=header_list(message.headers()),
        )
        letter = dead_letter(record, stage="poller", error=error, seen_at=datetime.now(UTC))
        deliver(self._dead_letters, [Outgoing(DEAD_LETTERS, letter.key, letter.value, letter.headers)])
        self._answer(sender, error.reason, answer_id(record.topic, record.partition, record.offset))
        metrics.COMMANDS_PUT_ASIDE.labels(error.error_class).inc()
        log.error(
            "command_put_aside",
            partition=record.partition,
            offset=record.offset,
            error_class=error.error_class,
            answered=sender.command_id is not None or sender.company_id is not None,
        )

    def _answer(self, sender: Sender, reason: str, event_id: str) -> None:
        company_id = sender.company_id or ALL_COMPANIES
        sentence = f"The command was put aside: {reason}"
        if sender.command_id is not None:
            self._intake.reject(sender.command_id, company_id, sentence)
        elif sender.company_id is not None:
            self._events.write(SyncEvent(company_id, "rejected", message=sentence, event_id=event_id))


def sender_of(key: bytes | str | None, value: bytes | None) -> Sender:
    """From bytes that are no command; the company is the key's."""
    return Sender(_command_id(value or b""), _company(key))


def sender_in(command: Mapping[str, Any]) -> Sender:
    """From a command that was decoded but cannot be stored."""
    command_id = command["command_id"]
    return Sender(command_id if is_uuid(command_id) else None, _usable(command["company_id"]))


def answer_id(topic: str, partition: int, offset: int) -> str:
    """The event id of the answer to a record that has no command id: the same, however often it is published."""
    return str(uuid5(NAMESPACE_URL, f"protiv-buildertrend:put-aside:{topic}:{partition}:{offset}"))


def _command_id(value: bytes) -> str | None:
    start = value[:_SEARCHED_BYTES]
    found = _ID_IN_AVRO.match(start, HEADER_BYTES) or _ID_IN_JSON.search(start)
    text = "" if found is None else found[1].decode("ascii")
    return text if is_uuid(text) else None


def _company(key: bytes | str | None) -> str | None:
    try:
        return _usable(key.decode() if isinstance(key, bytes) else key or "")
    except UnicodeDecodeError:
        return None


def _usable(company_id: str) -> str | None:
    return company_id if company_problem(company_id) is None else None


def _place(message: Message) -> tuple[int | None, int | None]:
    return message.partition(), message.offset()


def _position(message: Message) -> TopicPartition:
    return TopicPartition(message.topic() or "", message.partition() or 0, message.offset() or 0)
