"""`topics tail`: shows the records of a topic, decoded, as JSON lines."""

from __future__ import annotations

import json
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

from core.dead_letters.letter import header_list
from core.errors import ConfigurationError, RetriableError
from core.kafka.access import NO_BROKER, metadata, refusal_of
from core.kafka.errors import Meaning, meaning_of
from core.kafka.read import offsets_held, read_to_end, reading_config
from core.settings import Settings, load_settings
from schemas.topics import TOPICS

app = typer.Typer(help="Look into topics.", no_args_is_help=True)
_TIMEOUT_S = 15
_NOT_FOUND = 404
# What bytes that are no record of their schema make a decoder raise.
_UNDECODABLE = (
    SerializationError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    EOFError,
    RecursionError,
    MemoryError,
    struct.error,
)


@app.callback()
def topics() -> None:
    """Look into topics."""


@app.command("tail")
def tail(
    topic: Annotated[str, typer.Argument(help="Name of the topic.")],
    last: Annotated[
        int, typer.Option("--last", "-n", min=0, help="Begin with the last N records of each partition.")
    ] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay and show what arrives.")] = False,
    company: Annotated[str, typer.Option(help="Only records of this company.")] = "",
) -> None:
    """Print decoded records, one JSON object a line: partition, offset, time, key, headers, value."""
    known = {spec.name for spec in TOPICS}
    if topic not in known:
        raise ConfigurationError(f"There is no topic {topic}. Topics: {', '.join(sorted(known))}.")
    settings = load_settings()
    show = _Decoded(settings, topic)
    for message in records(settings, topic, last=last, follow=follow):
        if not company or _is_of(message, company):
            print(json.dumps(show(message), default=_plain), flush=True)


def records(settings: Settings, topic: str, *, last: int, follow: bool) -> Iterator[Message]:
    """The last records of each partition, then, if `follow`, what arrives, until the caller stops."""
    metadata(settings)
    with closing(Consumer(reading_config(settings, "protiv-topics-tail") | {"fetch.wait.max.ms": 100})) as consumer:
        ends = []
        for number in _partitions(consumer, settings, topic):
            newest, end = _newest(consumer, TopicPartition(topic, number), last)
            ends.append(end)
            yield from newest
        consumer.assign(ends)
        while follow:
            if (message := _next(consumer)) is not None:
                yield message


def _partitions(consumer: Consumer, settings: Settings, topic: str) -> list[int]:
    try:
        found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    except KafkaException as exc:
        raise RetriableError(NO_BROKER) from exc
    if found.error is not None:
        refusal = refusal_of(found.error, settings, topic)
        raise refusal or ConfigurationError(f"Topic {topic} is not there: run `protiv-buildertrend setup`.")
    return sorted(found.partitions)


def _newest(consumer: Consumer, partition: TopicPartition, last: int) -> tuple[list[Message], TopicPartition]:
    """The last records of a partition, and where what comes next will be.

    Offsets do not count records: markers of transactions take some, compaction leaves gaps. So it reads further back
    until there are enough.
    """
    low, high = offsets_held(consumer, partition)
    back = last
    while True:
        start = max(low, high - back)
        found = _until_end(consumer, TopicPartition(partition.topic, partition.partition, start), last)
        if len(found) == last or start == low:
            return found, TopicPartition(partition.topic, partition.partition, high)
        back = back * 4 + 10


def _until_end(consumer: Consumer, start: TopicPartition, last: int) -> list[Message]:
    newest: deque[Message] = deque(maxlen=last)
    for batch in read_to_end(consumer, [start]):
        newest.extend(batch)
    return list(newest)


def _next(consumer: Consumer) -> Message | None:
    """A record; None while nothing comes."""
    message = consumer.poll(0.5)
    error = None if message is None else message.error()
    if error is None:
        return message
    if meaning_of(error) is Meaning.FINAL or error.code() == KafkaError._ALL_BROKERS_DOWN:
        raise RetriableError(f"The topic cannot be read now ({error.name()}).")
    return None


class _Decoded:
    """Records for people, decoded with Confluent's own deserializer, as any other consumer would."""

    def __init__(self, settings: Settings, topic: str) -> None:
        settings.require("schema_registry_url")
        registry = SchemaRegistryClient({"url": settings.schema_registry_url.get_secret_value(), "timeout": 5})
        self._deserialize = AvroDeserializer(registry)
        self._context = SerializationContext(topic, MessageField.VALUE)

    def __call__(self, message: Message) -> dict[str, Any]:
        return {
            "partition": message.partition(),
            "offset": message.offset(),
            "time": _time_of(message),
            "key": message.key(),
            "headers": dict(header_list(message.headers())),
            "value": self._value(message.value()),
        }

    def _value(self, value: bytes | None) -> Any:
        try:
            return None if value is None else self._deserialize(value, self._context)
        except SchemaRegistryError as exc:
            if exc.http_status_code != _NOT_FOUND:
                raise RetriableError("The registry of SCHEMA_REGISTRY_URL does not answer as it should.") from exc
        except httpx.HTTPError as exc:
            raise RetriableError("The registry of SCHEMA_REGISTRY_URL does not answer.") from exc
        except _UNDECODABLE:
            pass
        # A dead letter keeps whatever bytes it was, and a schema id may be of another registry: they are shown.
        return {"undecodable": value}


def _time_of(message: Message) -> datetime | int:
    """When it was sent; the number as stated where that is no time."""
    stated = message.timestamp()[1]
    try:
        return datetime.fromtimestamp(stated / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return stated


def _is_of(message: Message, company: str) -> bool:
    key = (message.key() or b"").decode("utf-8", "replace")
    return key == company or key.startswith(f"{company}/")


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)
