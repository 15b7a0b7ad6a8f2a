"""The transactional publisher on the real broker: a batch or nothing, and an older instance never writes again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from core.errors import FencedError, RetriableError
from core.kafka.producer import RecordRefusedError
from core.topics import DEAD_LETTERS, entity_key, partition_for
from producers.runs.messages import Message
from producers.runs.publisher import FencingPublisher, TransactionalPublisher
from tests import factories
from tests.fix_stack import PARTITIONS, Stack
from tests.integration.producers.fix_topics import committed, of_company
from tests.other_company import OtherCompany

TOPIC = "buildertrend.users"


def message(company_id: str, entity_id: str, value: bytes | None = b"v") -> Message:
    return Message(TOPIC, entity_key(company_id, entity_id), value, [("version", b"1")])


def keys(stack: Stack, company_id: str) -> list[str]:
    found = of_company(committed(stack.settings, TOPIC), company_id)
    return [(each.key() or b"").decode().partition("/")[2] for each in found]


def test_publish_batch_is_on_the_companys_partition_in_order_with_headers(stack: Stack) -> None:
    company_id = factories.company_id()
    publisher = TransactionalPublisher(stack.settings, company_id)
    publisher.publish(message(company_id, str(number), b"v" if number % 7 else None) for number in range(500))
    found = of_company(committed(stack.settings, TOPIC), company_id)
    assert [(each.key() or b"").decode() for each in found] == [f"{company_id}/{number}" for number in range(500)]
    assert {each.partition() for each in found} == {partition_for(company_id, PARTITIONS)}
    assert found[0].value() is None
    assert found[1].headers() == [("version", b"1")]


def test_publish_batch_that_cannot_be_made_leaves_nothing_and_the_next_one_goes_through(stack: Stack) -> None:
    company_id = factories.company_id()
    publisher = TransactionalPublisher(stack.settings, company_id)

    def misfit() -> Iterator[Message]:
        yield message(company_id, "never")
        raise ValueError("a record that its schema does not take")

    with pytest.raises(ValueError, match="does not take"):
        publisher.publish(misfit())
    publisher.publish([message(company_id, "1")])
    assert keys(stack, company_id) == ["1"]


def test_publish_record_that_is_too_large_for_any_topic_is_told_and_not_sent(stack: Stack) -> None:
    company_id = factories.company_id()
    publisher = TransactionalPublisher(stack.settings, company_id)
    delivery = publisher.publish([message(company_id, "1"), message(company_id, "big", b"x" * 5_000_000)])
    assert delivery.refused == {entity_key(company_id, "big"): "too large"}
    publisher.publish([message(company_id, "2")])
    assert keys(stack, company_id) == ["1", "2"]


def test_publish_by_an_older_instance_is_fenced_for_ever(stack: Stack) -> None:
    company_id = factories.company_id()
    older = TransactionalPublisher(stack.settings, company_id)
    older.publish([message(company_id, "1")])
    newer = TransactionalPublisher(stack.settings, company_id)
    for entity_id in ("2", "3"):
        with pytest.raises(FencedError):
            older.publish([message(company_id, entity_id)])
    newer.publish([message(company_id, "4")])
    assert keys(stack, company_id) == ["1", "4"]


def test_publish_of_another_company_is_not_fenced(stack: Stack) -> None:
    one, other = factories.company_id(), factories.company_id()
    publisher = TransactionalPublisher(stack.settings, one)
    TransactionalPublisher(stack.settings, other)
    publisher.publish([message(one, "1")])
    assert keys(stack, one) == ["1"]


def test_publisher_without_a_broker_is_an_outage(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.kafka.producer.TIMEOUT_S", 1)
    with pytest.raises(RetriableError):
        TransactionalPublisher(stack.with_settings(kafka_bootstrap_servers="127.0.0.1:9"), "c1")


def test_publish_record_that_the_broker_refuses_is_told_and_the_others_are_there(
    stack: Stack, other_company: OtherCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bigger than the topic takes, and smaller than the client minds: only the broker knows. Another company flows."""
    monkeypatch.setattr("producers.runs.publisher.LARGEST_RECORD_BYTES", 10_000_000)
    company_id, other = factories.company_id(), factories.company_id()
    publisher = FencingPublisher(lambda: TransactionalPublisher(stack.settings, company_id), lambda: None)
    huge = random.Random(1).randbytes(1_500_000)
    batch = [message(company_id, str(number), huge if number == 77 else b"v") for number in range(200)]
    delivery = publisher.publish(batch)
    assert set(delivery.refused) == {entity_key(company_id, "77")}
    assert sorted(map(int, keys(stack, company_id))) == [number for number in range(200) if number != 77]
    with other_company.is_served():
        TransactionalPublisher(stack.settings, other).publish([message(other, "1")])
        assert keys(stack, other) == ["1"]
    publisher.publish([message(company_id, "200")])
    assert keys(stack, company_id)[-1] == "200"


def test_publish_behind_a_refused_record_leaves_nothing_and_needs_another_publisher(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("producers.runs.publisher.LARGEST_RECORD_BYTES", 10_000_000)
    company_id = factories.company_id()
    publisher = TransactionalPublisher(stack.settings, company_id)
    huge = random.Random(1).randbytes(1_500_000)
    for batch in ([message(company_id, "1"), message(company_id, "2", huge)], [message(company_id, "3")]):
        with pytest.raises(RecordRefusedError, match="MSG_SIZE_TOO_LARGE"):
            publisher.publish(batch)
    assert keys(stack, company_id) == []


def test_publish_tells_at_which_offsets_dead_letters_are(stack: Stack) -> None:
    company_id = factories.company_id()
    key = entity_key(company_id, "1")
    letter = Message(DEAD_LETTERS, key, b"{}", [("dead-letter-stage", b"poller")])
    delivery = TransactionalPublisher(stack.settings, company_id).publish([message(company_id, "1"), letter])
    found = of_company(committed(stack.settings, DEAD_LETTERS), company_id)
    assert delivery.letters == {key: found[0].offset()}
