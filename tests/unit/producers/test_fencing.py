"""A producer is made when it is needed, and publishes only for whoever still has the lease afterwards."""

from __future__ import annotations

import pytest

from core.errors import FencedError
from producers.change_record import Message
from producers.publisher import FencingPublisher
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
