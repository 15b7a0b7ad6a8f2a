"""What became of records that were put through again: taken, refused once more, or not looked at yet.

A stage has its dead letter at the brokers before it commits an offset behind the record. So once a stage's committed
offset has passed a record, the record is either refused, and a letter names its place, or taken.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from core.clock import Clock
from core.dead_letters.letter import DeadLetter, letter_or_receipt
from core.errors import RetriableError
from core.kafka.config import consumer_config
from core.kafka.read_partition import read_partition
from core.settings import Settings
from core.topics import CANONICAL_PREFIX, DEAD_LETTERS, RAW_PREFIX, SYNC_COMMANDS

PATIENCE_S = 30.0
_LOOK_EVERY_S = 1.0
_TIMEOUT_S = 10
# Who reads a topic on behalf of this service, by what the topic's name begins with.
_READERS = {RAW_PREFIX: "protiv-streams", CANONICAL_PREFIX: "protiv-sink", SYNC_COMMANDS: "protiv-poller"}


class Sent(NamedTuple):
    """Where a record lies that was put through again."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many of the records were taken, refused again and not looked at in time; why the first one was refused."""

    taken: int = 0
    refused: int = 0
    pending: int = 0
    reason: str = ""


def await_verdict(
    settings: Settings, sent: Collection[Sent], since: datetime, clock: Clock, *, stopped: Callable[[], bool]
) -> Verdict:
    """Blocks until every record was looked at, half a minute at most. `since`: no new letter is older.

    RetriableError if the brokers do not answer.
    """
    give_up_at = clock.monotonic() + PATIENCE_S
    while True:
        # In this order: once an offset has passed a record, its letter is there.
        passed = _passed(sent, _next_offsets(settings, sent))
        verdict = verdict_of(sent, passed, _refusals(settings, sent, since))
        if not verdict.pending or clock.monotonic() >= give_up_at or stopped():
            return verdict
        clock.wait(_LOOK_EVERY_S)


def verdict_of(sent: Collection[Sent], passed: Collection[Sent], refusals: Mapping[Sent, str]) -> Verdict:
    """`passed`: records that their stage's offset is behind; `refusals`: reasons by the refused record's place."""
    refused = [refusals[each] for each in sent if each in refusals]
    pending = sum(each not in passed and each not in refusals for each in sent)
    return Verdict(len(sent) - len(refused) - pending, len(refused), pending, refused[0] if refused else "")


def _passed(sent: Collection[Sent], following: Mapping[tuple[str, int], int]) -> frozenset[Sent]:
    return frozenset(each for each in sent if following.get((each.topic, each.partition), -1) > each.offset)


def _next_offsets(settings: Settings, sent: Collection[Sent]) -> dict[tuple[str, int], int]:
    """The offset that each stage takes next of the partitions that records were put into."""
    by_group: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for each in sent:
        by_group[_reader_of(each.topic)].add((each.topic, each.partition))
    return {
        place: offset for group, places in by_group.items() for place, offset in _committed(settings, group, places)
    }


def _committed(
    settings: Settings, group: str, places: Collection[tuple[str, int]]
) -> list[tuple[tuple[str, int], int]]:
    try:
        with contextlib.closing(Consumer(consumer_config(settings, group))) as consumer:
            found = consumer.committed([TopicPartition(*place) for place in places], timeout=_TIMEOUT_S)
    except KafkaException as exc:
        raise RetriableError(f"Kafka does not say how far {group} is ({exc.args[0].name()}).") from exc
    return [((each.topic, each.partition), each.offset) for each in found]


def _refusals(settings: Settings, sent: Collection[Sent], since: datetime) -> dict[Sent, str]:
    wanted, found = frozenset(sent), {}
    for number in {each.partition for each in sent}:
        for message in read_partition(settings, DEAD_LETTERS, number, since=since):
            letter = letter_or_receipt(message)
            if isinstance(letter, DeadLetter):
                place = Sent(letter.record.topic, letter.record.partition, letter.record.offset)
                if place in wanted:
                    found[place] = letter.reason
    return found


def _reader_of(topic: str) -> str:
    return next(group for prefix, group in _READERS.items() if topic.startswith(prefix))
