"""Reading to the end, from a scripted consumer: what ends a read, what passes, and what is said of a refusal."""

from __future__ import annotations

from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from core.errors import FatalError, RetriableError
from core.kafka.read import PartitionKey, read_to_end


class Heard:
    """A record, or what the client says in place of one."""

    def __init__(self, offset: int, name: str = "", partition: int = 0) -> None:
        self._offset = offset
        self._name = name
        self._partition = partition

    def error(self) -> KafkaError | None:
        return KafkaError(getattr(KafkaError, self._name)) if self._name else None

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset


class ScriptedConsumer:
    def __init__(self, *looks: list[Heard]) -> None:
        self._looks = list(looks)

    def assign(self, starts: list[TopicPartition]) -> None:
        assert starts

    def consume(self, _most: int, *, timeout: float) -> list[Heard]:
        assert timeout > 0
        return self._looks.pop(0) if self._looks else []


def read(*looks: list[Heard], partitions: int = 1, **options: Any) -> list[int]:
    starts = [TopicPartition("t", number) for number in range(partitions)]
    consumer = cast(Consumer, ScriptedConsumer(*looks))
    return [each.offset() or 0 for batch in read_to_end(consumer, starts, **options) for each in batch]


def test_read_ends_once_every_partition_has_and_tells_where() -> None:
    ends: dict[PartitionKey, int] = {}
    looks = [Heard(3), Heard(7, "_PARTITION_EOF")], [Heard(5, partition=1)], [Heard(9, "_PARTITION_EOF", partition=1)]
    assert read(*looks, partitions=2, on_end=ends.__setitem__) == [3, 5]
    assert ends == {("t", 0): 7, ("t", 1): 9}


def test_outage_of_one_broker_passes() -> None:
    assert read([Heard(0, "_TRANSPORT")], [Heard(1)], [Heard(2, "_PARTITION_EOF")]) == [1]


def test_outage_of_all_brokers_is_said_at_once() -> None:
    with pytest.raises(RetriableError, match="No Kafka broker"):
        read([Heard(0, "_ALL_BROKERS_DOWN")])


def test_silence_ends_the_read() -> None:
    with pytest.raises(RetriableError, match="silent"):
        read(silence_limit_s=-1.0)


def test_stop_ends_the_read() -> None:
    assert read([Heard(1)], stopped=lambda: True) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("_AUTO_OFFSET_RESET", "topic-recreated"),
        ("TOPIC_AUTHORIZATION_FAILED", "ACL"),
        ("UNKNOWN_TOPIC_OR_PART", "cannot be read"),
    ],
)
def test_refusal_is_final_and_says_what_to_do(name: str, said: str) -> None:
    with pytest.raises(FatalError, match=said):
        read([Heard(0, name)])
