"""Takes sync commands from their topic: each is checked, kept once an id, or refused with the reason."""

from __future__ import annotations

from datetime import UTC, datetime

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from control.database import Database
from core.clock import SystemClock
from core.dead_letters import RejectedRecord, dead_letter_headers, header_list
from core.errors import InvalidRecordError, RetriableError
from core.kafka import consumer_config, producer_config
from core.log import get_logger
from core.settings import Settings
from core.topics import DEAD_LETTERS, SYNC_COMMANDS
from producers.acknowledged import Outgoing, send_acknowledged
from producers.commands.intake import Intake
from producers.events import EventWriter
from schemas.codec import Decoder, SchemaSource

GROUP = "protiv-poller"
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
        self._intake = Intake(settings, database, events, SystemClock())

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
            self._intake.take(command)

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


def _position(message: Message) -> TopicPartition:
    return TopicPartition(message.topic() or "", message.partition() or 0, message.offset() or 0)
