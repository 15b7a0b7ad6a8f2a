"""Dead letters put through again on a real broker: once, in order, and never behind a newer record of their key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from core.clock import SystemClock
from core.dead_letters.letter import RejectedRecord, dead_letter_headers, header_list, receipt_of
from core.errors import FencedError, InvalidRecordError
from core.kafka.config import producer_config
from core.kafka.read import PartitionKey, read_to_end, reading_config
from core.kafka.record_headers import RecordHeaders
from core.topics import DEAD_LETTERS, entity_key, partition_for
from producers.replay.plan import Selection
from producers.replay.replay import Replayed, ReplayTransaction, replay
from tests.factories import company_id
from tests.fix_stack import PARTITIONS, Stack

TOPIC = "buildertrend.jobs"
ERROR = InvalidRecordError("Its value cannot be decoded.", error_class="undecodable")


class Letters:
    """The raw records and dead letters of a company of the test's own."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.company = company_id()
        self.partition = partition_for(self.company, PARTITIONS)
        self._producer = Producer(producer_config(stack.settings))

    def raw(self, entity_id: str, version: int, value: bytes | None = b"rubbish") -> RejectedRecord:
        """A raw record that is in its topic."""
        key = entity_key(self.company, entity_id)
        headers: Any = RecordHeaders(version, "run", self.company).encode()
        return RejectedRecord(TOPIC, self.partition, self._write(TOPIC, key, value, headers), key, value, headers)

    def refuse(self, record: RejectedRecord, stage: str = "streams") -> None:
        headers = dead_letter_headers(record, stage=stage, error=ERROR, seen_at=datetime.now(UTC))
        self._write(DEAD_LETTERS, record.key, record.value, headers)

    def refused(self, entity_id: str, version: int) -> RejectedRecord:
        record = self.raw(entity_id, version)
        self.refuse(record)
        return record

    def replay(self, **selection: Any) -> Replayed:
        chosen = Selection(company_id=self.company, **selection)
        return replay(self.stack.settings, chosen, SystemClock())

    def topic(self, name: str = TOPIC) -> list[Any]:
        """The company's committed records of a topic."""
        consumer = Consumer(reading_config(self.stack.settings, "test-replay"))
        start = TopicPartition(name, self.partition, OFFSET_BEGINNING)
        found = [each for batch in read_to_end(consumer, [start]) for each in batch]
        consumer.close()
        return [each for each in found if (each.key() or b"").startswith(f"{self.company}/".encode())]

    def _write(self, topic: str, key: bytes | None, value: bytes | None, headers: Any) -> int:
        placed: list[int] = []
        self._producer.produce(
            topic,
            key=key,
            value=value,
            headers=headers,
            partition=self.partition,
            on_delivery=lambda _, message: placed.append(message.offset() or 0),
        )
        self._producer.flush(30)
        return placed[0]


@pytest.fixture
def letters(stack: Stack) -> Letters:
    return Letters(stack)


def test_letters_are_put_through_in_order_and_as_they_were(letters: Letters) -> None:
    refused = [letters.refused(str(number), number) for number in range(1, 6)]
    assert letters.replay() == Replayed(put_through=5)
    again = letters.topic()[5:]
    assert [(each.key(), each.value()) for each in again] == [(each.key, each.value) for each in refused]
    for each, record in zip(again, refused, strict=True):
        assert header_list(each.headers())[:-1] == record.headers
        assert header_list(each.headers())[-1][0] == "dead-letter-first-seen"


def test_letter_is_put_through_once(letters: Letters) -> None:
    letters.refused("1", 1)
    assert letters.replay() == Replayed(put_through=1)
    assert letters.replay() == Replayed()
    assert len(letters.topic()) == 2
    receipts = [receipt_of(each) for each in letters.topic(DEAD_LETTERS)]
    assert receipts[0] is None
    assert receipts[1] is not None
    assert receipts[1].offset == letters.topic(DEAD_LETTERS)[0].offset()


def test_letter_of_another_stage_waits_for_its_own_replay(letters: Letters) -> None:
    letters.refused("1", 1)
    assert letters.replay(stage="sink") == Replayed()
    assert letters.replay(stage="streams", topics=frozenset({TOPIC})) == Replayed(put_through=1)


def test_letter_that_is_refused_again_is_a_new_one_with_its_first_time(letters: Letters) -> None:
    letters.refused("1", 1)
    letters.replay()
    again = letters.topic()[-1]
    letters.refuse(
        RejectedRecord(TOPIC, letters.partition, again.offset(), again.key(), again.value(), again.headers())
    )
    first, second = (
        dict(each.headers())["dead-letter-first-seen"]
        for each in letters.topic(DEAD_LETTERS)
        if receipt_of(each) is None
    )
    assert first == second
    assert letters.replay() == Replayed(put_through=1)


def test_only_the_newest_letter_of_an_entity_is_put_through(letters: Letters) -> None:
    letters.refused("1", 1)
    newest = letters.refused("1", 2)
    assert letters.replay() == Replayed(put_through=1, superseded=1)
    assert RecordHeaders.decode(letters.topic()[-1].headers()).version == 2
    assert letters.topic()[-1].value() == newest.value
    assert letters.replay() == Replayed()


@pytest.mark.parametrize("value", [b"a good one", None])
def test_letter_that_was_overtaken_or_deleted_stays_behind(letters: Letters, value: bytes | None) -> None:
    letters.refused("1", 1)
    letters.raw("1", 2, value)
    assert letters.replay() == Replayed(superseded=1)
    assert letters.topic()[-1].value() == value


def test_record_that_a_poller_writes_meanwhile_is_never_followed_by_an_older_one(
    letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters.refused("1", 1)
    letters.refused("2", 1)
    put = ReplayTransaction.put
    raced: list[int] = []

    def put_late(transaction: ReplayTransaction, letter: Any, partition: int) -> None:
        if not raced:
            raced.append(1)
            letters.raw("1", 7, b"newer")
        put(transaction, letter, partition)

    monkeypatch.setattr(ReplayTransaction, "put", put_late)
    assert letters.replay() == Replayed(put_through=1, superseded=1)
    last = {each.key(): each.value() for each in letters.topic()}
    assert last[entity_key(letters.company, "1")] == b"newer"


def test_replay_that_dies_before_its_commit_leaves_nothing_and_the_next_puts_through(
    letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters.refused("1", 1)

    settled = ReplayTransaction.settled

    def die(transaction: ReplayTransaction) -> None:
        settled(transaction)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ReplayTransaction, "settled", die)
        with pytest.raises(KeyboardInterrupt):
            letters.replay()
    assert len(letters.topic()) == 1
    assert letters.replay() == Replayed(put_through=1)


def test_second_replay_fences_the_first(letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    letters.refused("1", 1)
    settled = ReplayTransaction.settled
    seconds: list[Replayed] = []

    def overtaken(transaction: ReplayTransaction) -> dict[PartitionKey, dict[int, bytes]]:
        written = settled(transaction)
        if not seconds:
            seconds.append(Replayed())
            seconds[0] = letters.replay()
        return written

    monkeypatch.setattr(ReplayTransaction, "settled", overtaken)
    with pytest.raises(FencedError, match="took over"):
        letters.replay()
    assert seconds == [Replayed(put_through=1)]
    assert len(letters.topic()) == 2


def test_letter_without_a_key_is_left_where_its_topic_takes_none(letters: Letters) -> None:
    headers: Any = RecordHeaders(1, "run", letters.company).encode()
    letters.refuse(RejectedRecord(TOPIC, letters.partition, 0, None, b"x", headers))
    assert letters.replay() == Replayed(keyless=1)


def test_letters_of_many_batches_are_all_put_through(letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.replay.replay.BATCH_LETTERS", 3)
    for number in range(1, 9):
        letters.refused(str(number), number)
    assert letters.replay() == Replayed(put_through=8)
    assert len(letters.topic()) == 16
