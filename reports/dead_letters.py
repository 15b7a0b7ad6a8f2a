"""The dead letters that wait for somebody: what was refused, where it came from, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from confluent_kafka import Message

from core.dead_letters import PREFIX, header_list
from core.settings import Settings
from core.topics import DEAD_LETTERS, partition_for
from reports.partition import Place, place_of, read_partition
from schemas.catalogue import ENTITIES

_ENTITY_BY_TOPIC = {topic: one.name for one in ENTITIES for topic in (one.raw_topic, one.canonical_topic)}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter, without its value, which may hold personal data.

    `entity` and `entity_id` are empty for what is no entity's record, such as a command. `topic`, `partition` and
    `offset` are those of the refused record, `place` is the dead letter's own. `version` is null where it has none.
    """

    place: Place
    company_id: str
    entity: str
    entity_id: str
    topic: str
    partition: int
    offset: int
    stage: str
    reason: str
    error_class: str
    first_seen: str
    version: int | None


def dead_letters(settings: Settings, company_id: str = "", *, since: datetime | None = None) -> Iterator[DeadLetter]:
    """The dead letters of a company (empty: of all), oldest first within a partition; the topic keeps 30 days.

    Blocks for as long as reading takes; RetriableError if the brokers do not answer.
    """
    everywhere = range(settings.entity_partitions)
    numbers = [partition_for(company_id, settings.entity_partitions)] if company_id else everywhere
    for number in numbers:
        for message in read_partition(settings, DEAD_LETTERS, number, since=since):
            letter = parse(message)
            if company_id in ("", letter.company_id):
                yield letter


def parse(message: Message) -> DeadLetter:
    """A dead letter as it was read; whatever its key is, nothing here raises."""
    headers = {name: _text(value) for name, value in header_list(message.headers())}
    company_id, _, entity_id = _text(message.key()).partition("/")
    topic = headers.get(PREFIX + "topic", "")
    version = headers.get("version", "")
    return DeadLetter(
        place=place_of(message),
        company_id=company_id,
        entity=_ENTITY_BY_TOPIC.get(topic, ""),
        entity_id=entity_id,
        topic=topic,
        partition=_number(headers.get(PREFIX + "partition", "")),
        offset=_number(headers.get(PREFIX + "offset", "")),
        stage=headers.get(PREFIX + "stage", "unknown"),
        reason=headers.get(PREFIX + "reason", ""),
        error_class=headers.get(PREFIX + "error-class", ""),
        first_seen=headers.get(PREFIX + "first-seen", ""),
        version=int(version) if version.isascii() and version.isdigit() else None,
    )


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else -1
