"""The page that is on its way while the next one is compared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from control.source_state import Known, Published
from core.errors import FencedError
from producers.handover import Handover, commits_behind
from producers.ledger import PageTaken, Progress

SHOWN = Published("7", b"new", 3, None, None, b"bytes")


class Late:
    """Begins work when it is waited for."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        return work

    def commit(self, name: str) -> Callable[[], None]:
        return lambda: self.done.append(name)


def page(*published: Published, **digests: bytes) -> PageTaken:
    return PageTaken("users", published, Progress(1, {}), digests=digests)


def test_page_on_its_way_is_compared_with_as_if_it_were_recorded() -> None:
    late = Late()
    handover = Handover(late)
    known = {"7": Known(b"old", None), "8": Known(b"same", b"before")}
    handover.hand_over(page(SHOWN, **{"8": b"after", "9": b"nobody's"}), late.commit("first"))
    assert handover.over(known) == {"7": Known(b"new", b"bytes"), "8": Known(b"same", b"after")}
    assert handover.over({}) == {"7": Known(b"new", b"bytes")}
    handover.settle()
    assert handover.over(known) == known


def test_one_page_at_a_time_is_on_its_way_and_none_behind_the_block() -> None:
    late = Late()
    with Handover(late) as handover:
        handover.hand_over(page(), late.commit("first"))
        assert late.done == []
        handover.hand_over(page(), late.commit("second"))
        assert late.done == ["first"]
    assert late.done == ["first", "second"]


def test_page_that_failed_ends_the_read_before_the_next_is_begun() -> None:
    late = Late()

    def fail() -> None:
        raise FencedError("another poller")

    def read_on() -> None:
        with Handover(late) as handover:
            handover.hand_over(page(), fail)
            handover.hand_over(page(), late.commit("second"))

    with pytest.raises(FencedError):
        read_on()
    assert late.done == []


def test_end_of_the_source_is_told_even_if_the_page_on_its_way_fails_too() -> None:
    def fail() -> None:
        raise FencedError("another poller")

    def read_on() -> None:
        with Handover(Late()) as handover:
            handover.hand_over(page(), fail)
            raise LookupError("the source's own fault")

    with pytest.raises(LookupError):
        read_on()


def test_thread_raises_what_was_raised_in_it() -> None:
    def fail() -> None:
        raise FencedError("another poller")

    with commits_behind() as begin:
        wait = begin(fail)
        with pytest.raises(FencedError):
            wait()
