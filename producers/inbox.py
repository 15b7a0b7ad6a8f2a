"""Takes sync commands from their topic: each is checked, kept once an id, or refused with the reason."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from control.commands import put_command
from control.connections import get_connection
from control.database import Database
from core.dead_letters import RejectedRecord, dead_letter_headers, header_list
from core.errors import InvalidRecordError, RetriableError
from core.kafka import consumer_config, producer_config
from core.log import get_logger
from core.settings import Settings
from core.topics import ALL_COMPANIES, DEAD_LETTERS, SYNC_COMMANDS
from producers.acknowledged import Outgoing, send_acknowledged
from producers.events import EventWriter, SyncEvent
from schemas.catalogue import ENTITY_BY_NAME
from schemas.codec import Decoder, Record, SchemaSource

GROUP = "protiv-poller"
SUPPORTED = ("sync", "full-sync")
_MOST_AT_ONCE = 100
_LOG = get_logger(__name__)


class Inbox:
    """Not for use by two threads at once."""

    def __init__(self, settings: Settings, *, source: SchemaSource, database: Database, events: EventWriter) -> None:
        # A group that is new starts with what was sent while nobody listened.
        config = consumer_config(settings, GROUP) | {"auto.offset.reset": "earliest", "enable.partition.eof": False}
        self._consumer = Consumer(config)
        self._consumer.subscribe([SYNC_COMMANDS])
        self._dead_letters = Producer(producer_config(settings))
        self._decode = Decoder(SYNC_COMMANDS, source)
        self._database = database
        self._events = events

    def take(self) -> int:
        """Take what has arrived, without waiting for more; the number of records taken.

        An offset is committed only when its command is kept or refused. RetriableError for an outage: nothing is lost.
        """
        taken = 0
        while taken < _MOST_AT_ONCE and (message := self._consumer.poll(0)) is not None:
            error = message.error()
            if error is not None:
                if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART or error.fatal():
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
        try:
            command = self._decode(message.value() or b"")
        except InvalidRecordError as exc:
            self._put_aside(message, exc)
        else:
            self._keep(command)

    def _refusal(self, command: Record) -> str | None:
        if (sentence := malformed(command)) is not None:
            return sentence
        with self._database.transaction() as tx:
            connected = get_connection(tx, command["company_id"]) is not None
        return refuse(command, connected=connected)

    def _keep(self, command: Record) -> None:
        refusal = self._refusal(command)
        if refusal is not None:
            self._events.write(_event(command, "rejected", refusal))
            return
        with self._database.transaction() as tx:
            new = put_command(tx, command)
        if new:
            _LOG.info("command_accepted", command_id=command["command_id"], type=command["type"])
            self._events.write(_event(command, "accepted", None))

    def _put_aside(self, message: Message, error: InvalidRecordError) -> None:
        record = RejectedRecord(
            topic=message.topic() or SYNC_COMMANDS,
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            key=message.key(),
            value=message.value(),
            headers=header_list(message.headers()),
        )
        headers = dead_letter_headers(record, stage="poller", error=error, seen_at=datetime.now(UTC))
        send_acknowledged(self._dead_letters, Outgoing(DEAD_LETTERS, record.key, record.value, headers))
        _LOG.warning("command_undecodable", partition=record.partition, offset=record.offset)


def malformed(command: Record) -> str | None:
    """Why a command is refused before the database is asked, which could not take it; None if it may be."""
    for name, value in command.items():
        if "\0" in (value if isinstance(value, str) else "".join(value) if isinstance(value, list) else ""):
            return f"{name} must not hold a NUL character."
    return None if _is_uuid(command["command_id"]) else "command_id must be a UUID."


def refuse(command: Record, *, connected: bool) -> str | None:
    """Why a well-formed command is refused, naming the field; None if it is fine."""
    checks = (
        (command["type"] not in SUPPORTED, f"type must be one of {', '.join(SUPPORTED)} in this version."),
        (command["company_id"] == ALL_COMPANIES, "company_id * is not available in this version: send one a company."),
        (not connected, f"company_id: {command['company_id']} is not connected; connect it first."),
        (not set(command["entities"]) <= set(ENTITY_BY_NAME), f"entities must be among {', '.join(ENTITY_BY_NAME)}."),
        (command["dry_run"], "dry_run is not available in this version."),
        (
            command["from_date"] is not None or command["to_date"] is not None,
            "from_date and to_date belong to backfill, which is not available in this version.",
        ),
    )
    return next((sentence for wrong, sentence in checks if wrong), None)


def _is_uuid(text: str) -> bool:
    """As Postgres takes it: Python also takes braces, prefixes and hyphens anywhere."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _event(command: Record, kind: str, message: str | None) -> SyncEvent:
    return SyncEvent(company_id=command["company_id"], type=kind, command_id=command["command_id"], message=message)


def _position(message: Message) -> TopicPartition:
    return TopicPartition(message.topic() or "", message.partition() or 0, message.offset() or 0)
