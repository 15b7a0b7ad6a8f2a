"""`topics tail`: shows the records of a topic, decoded, as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

from core.dead_letters import header_list
from core.errors import ConfigurationError, RetriableError
from core.kafka import consumer_config
from core.settings import Settings, load_settings
from schemas.catalogue import TOPICS

app = typer.Typer(help="Look into topics.", no_args_is_help=True)
_TIMEOUT_S = 15


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
    with closing(Consumer(consumer_config(settings, "protiv-topics-tail"))) as consumer:
        waiting = _assign(consumer, topic, last)
        while follow or waiting:
            message = consumer.poll(0.5)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                waiting.discard(message.partition())
            elif error.fatal():
                raise RetriableError(f"The topic cannot be read now ({error.name()}).")


def _assign(consumer: Consumer, topic: str, last: int) -> set[int | None]:
    try:
        partitions = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
        positions = [_start(consumer, TopicPartition(topic, number), last) for number in partitions]
    except KafkaException as exc:
        raise RetriableError("No Kafka broker of KAFKA_BOOTSTRAP_SERVERS answers.") from exc
    consumer.assign(positions)
    return {position.partition for position in positions}


def _start(consumer: Consumer, partition: TopicPartition, last: int) -> TopicPartition:
    low, high = consumer.get_watermark_offsets(partition, timeout=_TIMEOUT_S)
    return TopicPartition(partition.topic, partition.partition, max(low, high - last))


class _Decoded:
    """Records for people, decoded with Confluent's own deserializer, as any other consumer would."""

    def __init__(self, settings: Settings, topic: str) -> None:
        settings.require("schema_registry_url")
        registry = SchemaRegistryClient({"url": settings.schema_registry_url.get_secret_value(), "timeout": 5})
        self._deserialize = AvroDeserializer(registry)
        self._context = SerializationContext(topic, MessageField.VALUE)

    def __call__(self, message: Message) -> dict[str, Any]:
        created_at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        return {
            "partition": message.partition(),
            "offset": message.offset(),
            "time": created_at,
            "key": message.key(),
            "headers": dict(header_list(message.headers())),
            "value": self._value(message.value()),
        }

    def _value(self, value: bytes | None) -> Any:
        try:
            return None if value is None else self._deserialize(value, self._context)
        except SerializationError:
            # A dead letter keeps whatever bytes it was; they are shown as they are.
            return {"undecodable": value}


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
