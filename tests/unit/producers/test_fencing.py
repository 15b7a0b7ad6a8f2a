"""A producer is made when it is needed, and publishes only for whoever still has the lease afterwards."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from core.errors import FencedError, RetriableError
from core.kafka.producer import RecordRefusedError
from producers.runs.messages import Message
from producers.runs.publisher import Delivery, FencingPublisher
from tests.fakes import MemoryPublisher

RECORD = Message("buildertrend.jobs", b"c1/1", None, [])


class Making:
    """Notes what is done in which order; `is_over` makes the lease another's."""

    def __init__(self, *, is_over: bool = False) -> None:
        self.done: list[str] = []
        self.is_over = is_over
        self.made = MemoryPublisher(before_commit=lambda _: self.done.append("published"))

    def publisher(self) -> FencingPublisher:
        return FencingPublisher(self._make, self._confirm)

    def _make(self) -> MemoryPublisher:
        self.done.append("made")
        return self.made

    def _confirm(self) -> None:
        self.done.append("confirmed")
        if self.is_over:
            raise FencedError("taken over")


def test_producer_is_made_for_the_first_record_and_the_lease_looked_at_behind_that() -> None:
    making = Making()
    publisher = making.publisher()
    assert making.done == []
    publisher.publish([RECORD])
    publisher.publish([RECORD])
    assert making.done == ["made", "confirmed", "published", "published"]


def test_producer_of_a_lease_that_is_over_publishes_nothing() -> None:
    making = Making(is_over=True)
    with pytest.raises(FencedError):
        making.publisher().publish([RECORD])
    assert making.made.batches == []


def test_fence_makes_the_producer_without_a_record() -> None:
    making = Making()
    making.publisher().fence()
    assert making.done == ["made", "confirmed"]


class Refusing:
    """Takes no batch with the key of a refused record, and nothing behind that."""

    def __init__(self, refused: frozenset[bytes], taken: list[bytes]) -> None:
        self._refused = refused
        self._taken = taken
        self._is_over = False

    def publish(self, batch: Iterable[Message]) -> Delivery:
        keys = [message.key for message in batch]
        if self._is_over or self._refused.intersection(keys):
            self._is_over = True
            raise RecordRefusedError("MSG_SIZE_TOO_LARGE")
        self._taken.extend(keys)
        return Delivery()


def records(number: int) -> list[Message]:
    return [Message("buildertrend.jobs", b"c1/%d" % each, None, []) for each in range(number)]


def test_batch_with_refused_records_is_published_without_them_in_order_by_confirmed_producers() -> None:
    refused, taken, confirmed = frozenset({b"c1/3", b"c1/7"}), list[bytes](), list[int]()
    publisher = FencingPublisher(lambda: Refusing(refused, taken), lambda: confirmed.append(len(taken)))
    delivery = publisher.publish(records(10))
    assert set(delivery.refused) == refused
    assert taken == [message.key for message in records(10) if message.key not in refused]
    assert len(confirmed) > 2


def test_batch_of_refused_records_alone_is_an_outage_instead_of_a_refusal_of_each() -> None:
    refused = frozenset(message.key for message in records(200))
    publisher = FencingPublisher(lambda: Refusing(refused, []), lambda: None)
    with pytest.raises(RetriableError, match="one record after the other"):
        publisher.publish(records(200))


def test_search_for_a_refused_record_ends_when_the_lease_is_over() -> None:
    confirmations = iter([None, FencedError("taken over")])

    def confirm() -> None:
        found = next(confirmations)
        if found is not None:
            raise found

    with pytest.raises(FencedError):
        FencingPublisher(lambda: Refusing(frozenset({b"c1/1"}), []), confirm).publish(records(4))
