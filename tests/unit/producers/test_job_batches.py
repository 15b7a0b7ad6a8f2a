"""Shifts of all jobs: asked for at once, in batches where that is refused, and as complete either way."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.buildertrend.answers import RefusedQueryError
from producers.buildertrend.reads.grid_walk import GridWalk
from producers.buildertrend.reads.job_batches import JobBatches
from producers.buildertrend.reads.tally import Tally, incomplete_reason
from producers.source import FROM_THE_START, ReadStart
from tests.unit.producers.fix_grid import GENERAL, JobsGrid


@dataclass(slots=True)
class Reading:
    """A walk through the grid, which may be cut off after some pages and resumed from its cursors."""

    grid: JobsGrid
    jobs: list[int]
    page_size: int = 4
    shown: set[str] = field(default_factory=set)
    numbers: list[int] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    batches: JobBatches = field(default_factory=JobBatches)
    kept: tuple[dict[str, object], dict[str, object]] | None = None

    def run(self, pages: int = 10**6) -> Reading:
        """Go on from the last cursor, for so many pages at most."""
        self.tally, self.batches = Tally(), JobBatches(self.jobs)
        start = FROM_THE_START
        if self.kept is not None:
            assert self.batches.restore(self.kept[0])
            self.tally.restore(self.kept[1])
            before = set(self.shown)
            start = ReadStart(max(self.numbers), before.intersection, lambda: before)
        walk = GridWalk(self.grid.fetch, int, str, what="shifts", page_size=self.page_size)
        for page in walk.pages(self.batches, start, tally=self.tally):
            self.shown.update(page.ids)
            self.numbers.append(page.number)
            self.kept = (self.batches.cursor(), self.tally.cursor())
            pages -= 1
            if not pages:
                break
        return self

    @property
    def sizes(self) -> list[int]:
        return [len(self.batches[index].job_ids) for index in range(len(self.batches))]


def company(shifts: int, jobs: int) -> JobsGrid:
    """Every third shift is one of General."""
    return JobsGrid({number: GENERAL if number % 3 == 0 else 1 + number % jobs for number in range(1, shifts + 1)})


def all_shown(grid: JobsGrid) -> set[str]:
    return {str(shift) for shift in grid.rows}


def test_jobs_are_all_asked_for_at_once_and_general_with_them() -> None:
    grid = company(30, 7)
    reading = Reading(grid, [7, 6, 5, 4, 3, 2, 1]).run()
    assert reading.shown == all_shown(grid)
    assert {(tuple(batch.job_ids), batch.with_general) for batch, _ in grid.asked} == {((7, 6, 5, 4, 3, 2, 1), True)}


def test_jobs_whose_long_list_is_refused_are_asked_for_in_batches_and_general_once() -> None:
    grid = company(300, 60)
    grid.most_jobs = 30
    reading = Reading(grid, list(range(60, 0, -1))).run()
    assert reading.sizes == [25, 25, 10]
    assert reading.shown == all_shown(grid)
    assert incomplete_reason(reading.tally, "time entries") is None
    general = {tuple(batch.job_ids) for batch, _ in grid.asked[1:] if batch.with_general}
    assert general == {tuple(range(60, 35, -1))}


def test_jobs_batch_that_is_refused_on_the_way_is_split_with_those_after_it() -> None:
    grid = company(300, 60)
    grid.most_jobs = 30
    grid.before = {12: lambda: setattr(grid, "most_jobs", 5)}
    reading = Reading(grid, list(range(60, 0, -1))).run()
    assert set(reading.sizes) == {5}
    assert reading.shown == all_shown(grid)
    assert not reading.tally.missing


def test_jobs_that_are_refused_one_by_one_are_the_sources_fault() -> None:
    grid = company(30, 7)
    grid.most_jobs = 0
    with pytest.raises(RefusedQueryError):
        Reading(grid, [3, 2, 1]).run()
    assert [len(batch.job_ids) for batch, _ in grid.asked] == [3, 1]


def test_account_without_jobs_is_asked_for_general_alone() -> None:
    grid = JobsGrid({1: GENERAL, 2: GENERAL})
    assert Reading(grid, [0, -1]).run().shown == {"1", "2"}
    assert {(tuple(batch.job_ids), batch.with_general) for batch, _ in grid.asked} == {((), True)}


def test_jobs_batches_that_show_fewer_rows_than_they_state_together_are_not_complete() -> None:
    grid = company(300, 60)
    grid.most_jobs = 25
    grid.spoil = lambda rows: [row for row in rows if row != 200]
    reading = Reading(grid, list(range(60, 0, -1))).run()
    short = incomplete_reason(reading.tally, "time entries")
    assert short is not None
    assert short.sentence == "Buildertrend stated 300 time entries and showed 299."


def test_shift_that_moves_to_a_job_that_is_asked_for_later_is_counted_once() -> None:
    grid = company(300, 60)
    grid.most_jobs = 25
    moved = next(shift for shift, job in grid.rows.items() if job == 60)
    grid.before = {40: lambda: grid.rows.__setitem__(moved, 1)}
    reading = Reading(grid, list(range(60, 0, -1))).run()
    assert reading.shown == all_shown(grid)
    assert not reading.tally.missing


@given(
    shifts=st.integers(0, 60),
    jobs=st.integers(1, 40),
    most_jobs=st.sampled_from([1, 3, 5, 24, 25, 100]),
    page_size=st.integers(1, 7),
    page_cap=st.integers(1, 9),
    states_page_size=st.booleans(),
    cuts=st.lists(st.integers(1, 6), max_size=4),
)
def test_jobs_in_whatever_batches_and_cut_off_anywhere_are_read_whole(
    *, shifts: int, jobs: int, most_jobs: int, page_size: int, page_cap: int, states_page_size: bool, cuts: list[int]
) -> None:
    grid = company(shifts, jobs)
    grid.most_jobs, grid.page_cap, grid.states_page_size = most_jobs, page_cap, states_page_size
    reading = Reading(grid, list(range(jobs, 0, -1)), page_size)
    for pages in cuts:
        reading.run(pages)
    reading.run()
    assert reading.shown == all_shown(grid)
    assert incomplete_reason(reading.tally, "time entries") is None


@given(
    edits=st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from(["add", "delete", "move"]), st.integers(1, 80)), max_size=12
    ),
    most_jobs=st.sampled_from([4, 5, 25]),
    page_cap=st.integers(2, 5),
)
def test_shifts_that_stay_while_others_are_edited_are_shown_or_the_read_is_not_complete(
    edits: list[tuple[int, str, int]], most_jobs: int, page_cap: int
) -> None:
    """A shift that moves to a job that was read already may be missed: the second look finds it."""
    grid = company(60, 12)
    grid.most_jobs, grid.page_cap = most_jobs, page_cap
    moved: set[int] = set()

    def edit(kind: str, which: int) -> None:
        if kind == "add":
            grid.rows[1000 + which] = which % 13
        elif kind == "delete":
            grid.rows.pop(which, None)
        elif which in grid.rows:
            grid.rows[which] = which % 12 + 1
            moved.add(which)

    def edits_at(number: int) -> None:
        for at, kind, which in edits:
            if at == number:
                edit(kind, which)

    before = set(grid.rows)
    grid.before = {number: partial(edits_at, number) for number in range(1, 61)}
    reading = Reading(grid, list(range(12, 0, -1))).run()
    stayed = {str(shift) for shift in before & set(grid.rows) - moved}
    assert stayed <= reading.shown or incomplete_reason(reading.tally, "time entries") is not None
