"""The page that is on its way while the next one is compared."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from control.source_state import Known, Published
from core.errors import FencedError
from producers.runs.ledger import PageRecord, Progress
from producers.runs.messages import Batch
from producers.runs.pipeline import CommitPipeline, ComparedPage, commit_thread

SHOWN = Published("7", b"new", 3, None, None, b"bytes")


class Commits:
    """Notes the pages that are committed, and what waits behind each of them; fails at those of `failing`."""

    def __init__(self, *failing: int) -> None:
        self.done: list[int] = []
        self.following: list[int | None] = []
        self._failing = failing

    def __call__(self, page: ComparedPage, following: Callable[[], ComparedPage | None]) -> None:
        if page.record.number in self._failing:
            raise FencedError("another poller")
        self.done.append(page.record.number)
        behind = following()
        self.following.append(None if behind is None else behind.record.number)


def late(work: Callable[[], None]) -> Callable[[], None]:
    """Begins work when it is waited for."""
    return work


def at_once(work: Callable[[], None]) -> Callable[[], None]:
    work()
    return lambda: None


def page(number: int, *published: Published, **digests: bytes) -> ComparedPage:
    record = PageRecord("users", published, Progress(1, {}), digests=digests, number=number)
    return ComparedPage(Batch("users"), record)


def test_page_on_its_way_is_compared_with_as_if_it_were_recorded() -> None:
    pipeline = CommitPipeline(late, Commits())
    known = {"7": Known(b"old", None), "8": Known(b"same", b"before")}
    pipeline.submit(page(1, SHOWN, **{"8": b"after", "9": b"nobody's"}))
    assert pipeline.with_pending(known) == {"7": Known(b"new", b"bytes"), "8": Known(b"same", b"after")}
    assert pipeline.with_pending({}) == {"7": Known(b"new", b"bytes")}
    pipeline.settle()
    assert pipeline.with_pending(known) == known


def test_one_page_at_a_time_is_on_its_way_and_none_behind_the_block() -> None:
    commits = Commits()
    with CommitPipeline(late, commits) as pipeline:
        pipeline.submit(page(1))
        assert commits.done == []
        pipeline.submit(page(2, SHOWN))
        assert commits.done == [1]
        assert pipeline.with_pending({}) == {"7": Known(b"new", b"bytes")}
    assert commits.done == [1, 2]


def test_page_is_told_which_one_waits_behind_it() -> None:
    commits = Commits()
    with CommitPipeline(late, commits) as pipeline:
        for number in (1, 2, 3):
            pipeline.submit(page(number))
    assert commits.following == [2, 3, None]


def test_page_committed_at_once_has_none_behind_it() -> None:
    commits = Commits()
    with CommitPipeline(at_once, commits) as pipeline:
        for number in (1, 2):
            pipeline.submit(page(number))
    assert commits.following == [None, None]


def test_page_behind_one_that_failed_is_not_committed() -> None:
    commits = Commits(1)

    def read_on() -> None:
        with CommitPipeline(late, commits) as pipeline:
            pipeline.submit(page(1))
            pipeline.submit(page(2))

    with pytest.raises(FencedError):
        read_on()
    assert commits.done == []


def test_page_that_waits_in_the_thread_is_not_committed_if_the_one_before_it_fails() -> None:
    commits = Commits(1)

    def commit(one: ComparedPage, following: Callable[[], ComparedPage | None]) -> None:
        while one.record.number == 1 and following() is None:
            time.sleep(0.01)
        commits(one, following)

    def read_on() -> None:
        with commit_thread() as background, CommitPipeline(background, commit) as pipeline:
            pipeline.submit(page(1))
            pipeline.submit(page(2))

    with pytest.raises(FencedError):
        read_on()
    assert commits.done == []


def test_end_of_the_source_is_told_even_if_the_page_on_its_way_fails_too() -> None:
    def read_on() -> None:
        with CommitPipeline(late, Commits(1)) as pipeline:
            pipeline.submit(page(1))
            raise LookupError("the source's own fault")

    with pytest.raises(LookupError):
        read_on()


def test_thread_raises_what_was_raised_in_it() -> None:
    def fail() -> None:
        raise FencedError("another poller")

    with commit_thread() as begin:
        wait = begin(fail)
        with pytest.raises(FencedError):
            wait()
