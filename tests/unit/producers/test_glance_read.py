"""The glance: the newest page of shifts, and more only while all of a page is new."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pytest

from producers.buildertrend.account import Account
from producers.buildertrend.answers import GridPage, RefusedQueryError
from producers.buildertrend.bodies import JobBatch, PageAsk
from producers.buildertrend.reads.glance import GlanceRead
from producers.buildertrend.reads.time_entries import Days
from tests.factories import shift_row
from tests.unit.producers.fix_account import MemoryAccount


def rows(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Shifts, newest first, with ids from `count` down to 1."""
    return [shift_row(number, **changes) for number in range(count, 0, -1)]


def glance(account: MemoryAccount, known: Collection[str], first: date | None = None) -> tuple[list[list[str]], Any]:
    """The ids of each page that was taken, and the owners that were checked."""
    owners: list[set[str]] = []
    read = GlanceRead(
        account.as_account(),
        Days(first=first),
        known=lambda ids: set(ids) & set(known),
        check=lambda found: owners.append(set(found)),
    )
    pages = [[row.entity_id for row in page.rows] for page in read.pages()]
    assert (read.complete_range(), read.incomplete_reason()) == (None, None)
    return pages, owners


def test_one_request_where_the_newest_page_shows_a_known_shift() -> None:
    account = MemoryAccount(shift_rows=rows(9))
    assert glance(account, {"7", "6"})[0] == [["9", "8", "7"]]
    assert account.calls == {"shifts": 1}


def test_a_page_that_is_wholly_new_is_followed_by_the_next_until_known_rows() -> None:
    account = MemoryAccount(shift_rows=rows(9))
    assert glance(account, {"4"})[0] == [["9", "8", "7"], ["6", "5", "4"]]


def test_pages_are_bounded_however_many_are_new() -> None:
    account = MemoryAccount(shift_rows=rows(90))
    assert len(glance(account, ())[0]) == account.calls["shifts"] == 5


@pytest.mark.parametrize("count", [0, 2, 3])
def test_the_list_may_end_before(count: int) -> None:
    pages, _ = glance(MemoryAccount(shift_rows=rows(count)), ())
    assert [one for page in pages for one in page] == [str(number) for number in range(count, 0, -1)]


def test_shifts_before_the_first_day_are_taken_only_where_they_are_known() -> None:
    account = MemoryAccount(shift_rows=rows(6))
    day = date.fromisoformat(shift_row()["timeIn"]["timeStamp"][:10])
    read = GlanceRead(
        account.as_account(), Days(first=day.replace(year=day.year + 1)), known=lambda _: (), check=lambda _: None
    )
    (page,) = read.pages()
    assert (list(page.rows), len(page.outside)) == ([], 3)


def test_owner_is_what_all_rows_state_and_nothing_where_one_does_not() -> None:
    account = MemoryAccount(shift_rows=rows(3, builderId=60001))
    assert glance(account, {"1"})[1] == [{"60001"}]
    account.shift_rows[1].pop("builderId")
    assert glance(account, {"1"})[1] == [set()]
    account.shift_rows[1]["builderId"] = {"odd": 1}
    assert glance(account, {"1"})[1] == [set()]
    account.shift_rows[1]["builderId"] = 7
    assert glance(account, {"1"})[1] == [{"60001", "7"}]


def test_long_list_of_jobs_that_is_refused_is_cut_to_those_worked_on_last_and_stays_cut() -> None:
    account = MemoryAccount(shift_rows=rows(3))
    asked: list[int] = []

    def refuse(batch: JobBatch, ask: PageAsk) -> GridPage:
        asked.append(len(batch.job_ids))
        if len(batch.job_ids) > 5:
            raise RefusedQueryError("too many jobs")
        assert list(batch.job_ids) == job_ids[: len(batch.job_ids)]
        assert batch.with_general
        return GridPage(account.shift_rows, 3, ask.size)

    job_ids = list(range(90, 30, -1))
    source = SimpleNamespace(shifts=refuse, page_size=200)

    def read(most: int | None) -> GlanceRead:
        return GlanceRead(
            cast(Account, source), Days(), job_ids, most_jobs=most, known=lambda ids: ids, check=lambda _: None
        )

    first = read(None)
    assert len(list(first.pages())) == 1
    assert (asked, first.most_jobs) == ([60, 25, 5], 5)
    again = read(first.most_jobs)
    assert len(list(again.pages())) == 1
    assert (asked, again.most_jobs) == ([60, 25, 5, 5], 5)


def test_refusal_of_a_single_job_is_a_fault() -> None:
    def refuse(_batch: JobBatch, _ask: PageAsk) -> GridPage:
        raise RefusedQueryError("no")

    source = cast(Account, SimpleNamespace(shifts=refuse, page_size=200))
    with pytest.raises(RefusedQueryError):
        list(GlanceRead(source, Days(), [1], known=lambda ids: ids, check=lambda _: None).pages())
