"""`topics restore-ids`: gives stored records the schema ids of the present registry.

The newest record of each key is published once more with nothing changed but its schema id. To readers it is the same
version of the same record.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Annotated

import psycopg
import typer
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from control.database import COMMAND
from core.dead_letters.letter import header_list
from core.errors import ConfigurationError, RetriableError
from core.kafka.groups import PROCESSES, STREAMS_GROUP, committed_offsets, group_members
from core.kafka.producer import TransactionalProducer
from core.kafka.read import read_to_end, reading_config
from core.postgres import connect
from core.settings import Settings, load_settings
from schemas.codec import HEADER, HEADER_BYTES, SchemaSource
from schemas.registry import ConfluentRegistry
from schemas.stored_ids import ENTITY_TOPICS, IdCheck
from schemas.topic_setup import check_topics

_AT_ONCE = 5_000
_PASS_OVER = b"""
UPDATE protiv.sink_offsets AS s SET next_offset = %(to)s, claim = claim + 1, updated_at = now()
WHERE topic = %(topic)s AND partition = %(partition)s AND next_offset = %(from)s
  AND generation = (SELECT max(generation) FROM protiv.sink_offsets WHERE topic = s.topic)
"""


@dataclass(slots=True)
class _Partition:
    """What a partition of a topic holds: `wrong` by key if its newest record bears another registry's id."""

    at: TopicPartition
    wrong: dict[bytes, Message] = field(default_factory=dict)
    good_offsets: list[int] = field(default_factory=list)
    end: int = 0

    def behind_wrong(self, next_offset: int) -> int:
        """The offset behind the wrong records that a reader is at, if their keys were published again."""
        return next((offset for offset in self.good_offsets if offset >= next_offset), max(self.end, next_offset))


def restore_ids(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many records it would publish.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Publish records with a lost registry's schema ids once more under the present ones."""
    settings = load_settings()
    settings.require("kafka_bootstrap_servers", "schema_registry_url", "database_url")
    with closing(ConfluentRegistry(settings)) as registry:
        restored = restore(settings, registry, dry_run=dry_run)
    if as_json:
        print(json.dumps({"restored": restored, "dry_run": dry_run}))
        return
    done = "would be published" if dry_run else "published"
    lines = [f"{topic}: {number} records {done} with their present schema id" for topic, number in restored.items()]
    print("\n".join(lines) or "Every stored record has an id that this registry knows it by.")


def restore(settings: Settings, source: SchemaSource, *, dry_run: bool = False) -> dict[str, int]:
    """How many records were published, or would be, by topic. Blocks; can be repeated and ended at any time.

    ConfigurationError while a process works on the topics, RetriableError when brokers, registry or database are away.
    """
    check_topics(settings, ENTITY_TOPICS)
    _refuse_while_somebody_works(settings)
    restored: Counter[str] = Counter()
    check = IdCheck(source)
    for topic in ENTITY_TOPICS:
        header = HEADER.pack(0, source.id_of(topic))
        for number in range(settings.entity_partitions):
            found = _examined(settings, check, TopicPartition(topic, number, OFFSET_BEGINNING))
            if not found.wrong:
                continue
            restored[topic] += len(found.wrong)
            if not dry_run:
                _publish(settings, found, header)
                _pass_over(settings, found)
    return dict(restored)


def _examined(settings: Settings, check: IdCheck, start: TopicPartition) -> _Partition:
    found = _Partition(start)
    with closing(Consumer(reading_config(settings, "protiv-restores-ids"))) as consumer:
        ends: list[int] = []
        for batch in read_to_end(consumer, [start], on_end=lambda _, end: ends.append(end)):
            for message in batch:
                _note(found, message, is_wrong=check.wrong(start.topic, message.key(), message.value()) is not None)
    found.end = max(ends, default=0)
    return found


def _note(found: _Partition, message: Message, *, is_wrong: bool) -> None:
    key = message.key() or b""
    if is_wrong:
        found.wrong[key] = message
    else:
        found.wrong.pop(key, None)
        found.good_offsets.append(message.offset() or 0)


def _publish(settings: Settings, found: _Partition, header: bytes) -> None:
    transactional_id = f"protiv-restore-ids-{found.at.topic}-{found.at.partition}"
    producer = TransactionalProducer.open(settings, transactional_id, fenced="Another restore of ids took over.")
    for batch in _batches(list(found.wrong.values())):
        with producer.transaction() as transaction:
            for message in batch:
                transaction.send(
                    found.at.topic,
                    key=message.key(),
                    value=header + (message.value() or b"")[HEADER_BYTES:],
                    headers=header_list(message.headers()),
                    partition=found.at.partition,
                    timestamp=message.timestamp()[1],
                )


def _pass_over(settings: Settings, found: _Partition) -> None:
    """Move streams and sink past the records that they cannot read and that were published again."""
    if found.at.topic.startswith("protiv."):
        _pass_over_in_postgres(settings, found)
        return
    at = found.at.topic, found.at.partition
    committed = committed_offsets(settings, STREAMS_GROUP, [at])[at]
    behind = found.behind_wrong(committed or 0)
    if committed is None or behind <= committed:
        return
    with closing(Consumer(reading_config(settings, STREAMS_GROUP))) as consumer:
        try:
            consumer.commit(offsets=[TopicPartition(*at, behind)], asynchronous=False)
        except KafkaException as exc:
            raise RetriableError(f"The offsets of streams cannot be moved ({exc.args[0].name()}).") from exc


def _pass_over_in_postgres(settings: Settings, found: _Partition) -> None:
    place = {"topic": found.at.topic, "partition": found.at.partition}
    try:
        with connect(settings.database_url.get_secret_value(), COMMAND) as connection:
            query = b"SELECT next_offset FROM protiv.sink_offsets WHERE topic = %(topic)s AND partition = %(partition)s"
            rows = connection.execute(query + b" ORDER BY generation DESC LIMIT 1", place).fetchall()
            for (next_offset,) in rows:
                connection.execute(_PASS_OVER, place | {"from": next_offset, "to": found.behind_wrong(next_offset)})
    except psycopg.Error as exc:
        raise RetriableError("The database of DATABASE_URL does not take the sink's offsets.") from exc


def _refuse_while_somebody_works(settings: Settings) -> None:
    """Nobody may publish or take in records meanwhile."""
    for group, process in PROCESSES.items():
        if number := group_members(settings, group):
            raise ConfigurationError(
                f"{number} {process} processes are at work: stop poller, streams and sink, run this, start them again."
            )


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(messages), _AT_ONCE):
        yield messages[start : start + _AT_ONCE]
