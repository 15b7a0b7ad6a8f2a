"""One suite on the publisher of tests and on Kafka's: a batch is there as a whole, in order, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core.topics import entity_key
from producers.runs.messages import Message
from producers.runs.publisher import Publisher, TransactionalPublisher
from tests import factories
from tests.fakes import MemoryPublisher
from tests.fix_stack import Stack
from tests.integration.producers.fix_topics import committed, of_company

TOPIC = "buildertrend.jobs"
Seen = Callable[[], list[tuple[str, bytes | None]]]


@pytest.fixture
def company_id() -> str:
    return factories.company_id()


@pytest.fixture(params=["memory", "kafka"])
def published(request: pytest.FixtureRequest, company_id: str) -> tuple[Publisher, Seen]:
    """A publisher, and what readers see of it: keys and values in order."""
    if request.param == "memory":
        memory = MemoryPublisher()
        return memory, lambda: [(message.key.decode(), message.value) for message in memory.messages]
    stack: Stack = request.getfixturevalue("stack")

    def seen() -> list[tuple[str, bytes | None]]:
        found = of_company(committed(stack.settings, TOPIC), company_id)
        return [((message.key() or b"").decode(), message.value()) for message in found]

    return TransactionalPublisher(stack.settings, company_id), seen


def message(company_id: str, entity_id: str, value: bytes | None = b"v") -> Message:
    return Message(TOPIC, entity_key(company_id, entity_id), value, [("version", b"1")])


def test_publish_batches_are_seen_whole_and_in_order(published: tuple[Publisher, Seen], company_id: str) -> None:
    publisher, seen = published
    publisher.publish([message(company_id, "1"), message(company_id, "2", None)])
    publisher.publish([message(company_id, "3")])
    assert seen() == [(f"{company_id}/1", b"v"), (f"{company_id}/2", None), (f"{company_id}/3", b"v")]


def test_publish_empty_batch_is_seen_as_nothing(published: tuple[Publisher, Seen]) -> None:
    publisher, seen = published
    publisher.publish([])
    assert seen() == []


def test_publish_batch_that_cannot_be_made_is_not_seen_at_all(
    published: tuple[Publisher, Seen], company_id: str
) -> None:
    publisher, seen = published

    def misfit() -> Iterator[Message]:
        yield message(company_id, "1")
        raise ValueError("a record that its schema does not take")

    with pytest.raises(ValueError, match="does not take"):
        publisher.publish(misfit())
    publisher.publish([message(company_id, "2")])
    assert seen() == [(f"{company_id}/2", b"v")]
