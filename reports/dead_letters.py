"""The open dead letters: what was refused, where it came from, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from confluent_kafka import Message

from core.dead_letters.letter import PREFIX, Receipt, header_list, letter_or_receipt, receipt_of
from core.errors import InvalidRecordError
from core.kafka.read import Place, place_of, read_partition
from core.settings import Settings
from core.topics import DEAD_LETTERS, partition_for
from schemas.entities import ENTITIES

# Longer keys, reasons and ids are cut, and longer numbers are none: a bigint has at most 19 digits.
_LONGEST = 1000
_DIGITS = 19
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
    """The open dead letters of a company (empty: of all), oldest first in a partition; the topic keeps 30 days.

    Those that were replayed are left out.

    Blocks for as long as reading takes; RetriableError if the brokers do not answer.
    """
    everywhere = range(settings.entity_partitions)
    numbers = [partition_for(company_id, settings.entity_partitions)] if company_id else everywhere
    for number in numbers:
        yield from _open(settings, company_id, number, since)


def _open(settings: Settings, company_id: str, number: int, since: datetime | None) -> list[DeadLetter]:
    """A receipt closes only a letter of its own key; records that are neither are left out and counted."""
    found: dict[int, tuple[bytes | None, DeadLetter]] = {}
    for message in read_partition(settings, DEAD_LETTERS, number, since=since):
        kept = letter_or_receipt(message)
        if isinstance(kept, Receipt):
            if found.get(kept.offset, (None,))[0] == kept.key:
                found.pop(kept.offset, None)
        elif kept is not None and ((letter := parse(message)).company_id == company_id or not company_id):
            found[letter.place.offset] = (kept.record.key, letter)
    return [letter for _, letter in found.values()]


def replayed_offset(message: Message) -> int | None:
    """The offset of the letter that a receipt closes; None for any other record and for a receipt that names none."""
    try:
        receipt = receipt_of(message)
    except InvalidRecordError:
        return None
    return None if receipt is None else receipt.offset


def parse(message: Message) -> DeadLetter:
    """A dead letter as it was read. Never raises, whatever its key and headers are; each text is bounded."""
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
        version=_number(version) if _is_number(version) else None,
    )


def _text(value: bytes | str | None) -> str:
    """Bytes from outside as text that Postgres and pages accept."""
    cut = (value or b"")[:_LONGEST]
    text = cut.decode("utf-8", "replace") if isinstance(cut, bytes) else cut
    return text.replace("\0", "\ufffd")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < _DIGITS


def _number(text: str) -> int:
    return int(text) if _is_number(text) else -1
