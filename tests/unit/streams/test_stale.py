"""A refused update: the earlier row stays, says so, and is never newer than what was refused."""

from __future__ import annotations

import pytest

from core.errors import InvalidRecordError
from schemas.codec import Record
from schemas.entities import BUDGETS, JOBS, TIME_ENTRIES
from streams.records import RawRecord
from tests.unit.streams.factories import RawTopics, budget, job, shift, worksheet_line
from tests.unit.streams.fakes import Core, FakePublisher, stage
from tests.unit.streams.test_restart import restarted

MARK = "stale: refused update: The shift ends before it starts"


def refused(core: Core, raw: RawRecord) -> None:
    """Deliver a record that must be refused; what follows from it is published with the next batch."""
    with pytest.raises(InvalidRecordError):
        core.state.apply(raw)


def backwards(raw: RawTopics) -> RawRecord:
    return raw.put(TIME_ENTRIES, shift(end="2026-05-20T08:00:00"))


def only(core: Core) -> Record:
    (each,) = core.take()
    assert each.record is not None
    return each.record


def test_refused_update_is_on_the_row_with_the_hours_and_below_the_refused_version() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(TIME_ENTRIES, shift()))
    refused(core, backwards(raw))
    row = only(core)
    assert row["link_detail"].startswith(MARK)
    assert (row["total_minutes"], row["version"]) == (480, 1)


def test_parent_gives_a_stale_row_its_name_and_no_newer_version() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(TIME_ENTRIES, shift()))
    refused(core, backwards(raw))
    core.take()
    core.take(raw.put(JOBS, job(jobName="Renamed")))
    row = core.table()["time-entries", "acme/9001"]
    assert (row["job_name"], row["version"], row["link_detail"].startswith(MARK)) == ("Renamed", 1, True)
    assert core.published[-1].headers.version == 1


def test_row_that_a_parent_made_newer_before_keeps_that_version() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(TIME_ENTRIES, shift()))
    late = backwards(raw)
    core.take(raw.put(JOBS, job(jobName="Renamed")))
    refused(core, late)
    assert only(core)["version"] == 3


def test_next_good_version_takes_the_mark_away() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(TIME_ENTRIES, shift()))
    refused(core, backwards(raw))
    core.take(raw.put(TIME_ENTRIES, shift(regularTime=300)))
    row = core.table()["time-entries", "acme/9001"]
    assert (row["total_minutes"], row["version"]) == (300, 3)
    assert "stale" not in (row["link_detail"] or "")


def test_deletion_takes_the_mark_away() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(TIME_ENTRIES, shift()))
    refused(core, backwards(raw))
    core.take(*raw.delete(TIME_ENTRIES, "9001"))
    assert core.table() == {}
    assert core.published[-1].headers.version == 3


def test_undecodable_update_marks_the_row_too() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(TIME_ENTRIES, shift()))
    refused(core, raw.rubbish(TIME_ENTRIES, "9001"))
    assert only(core)["link_detail"].startswith("stale: refused update: ")


def test_refused_first_version_marks_nothing() -> None:
    raw, core = RawTopics(), Core()
    refused(core, backwards(raw))
    assert core.take() == []


def test_mark_outlives_a_restart() -> None:
    raw, core = RawTopics(), Core()
    first, second = raw.put(TIME_ENTRIES, shift()), backwards(raw)
    core.take(first)
    with pytest.raises(InvalidRecordError):
        restarted(core, [first, second], delivered=2)
    after = Core()
    after.published = core.published
    after.state.load(first, committed=2)
    with pytest.raises(InvalidRecordError):
        after.state.load(second, committed=2)
    after.take(raw.put(JOBS, job(jobName="Renamed")))
    row = after.table()["time-entries", "acme/9001"]
    assert (row["job_name"], row["version"], row["link_detail"].startswith(MARK)) == ("Renamed", 1, True)


def test_refused_update_in_the_batch_of_the_row_marks_it() -> None:
    raw, publisher = RawTopics(), FakePublisher()
    stage(raw.partition, publisher).process([raw.put(TIME_ENTRIES, shift()), backwards(raw)])
    (row,) = publisher.canonical()
    assert row.record is not None
    assert row.record["link_detail"].startswith(MARK)
    assert len(publisher.dead_letters()) == 1


def test_budget_whose_update_is_refused_gets_no_newer_version() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(BUDGETS, budget()))
    refused(core, raw.put(BUDGETS, budget(worksheetLines=[worksheet_line("many")])))
    core.take(raw.put(JOBS, job(jobName="Renamed")))
    row = core.table()["budgets", "acme/1:1"]
    assert (row["job_name"], row["version"]) == ("Renamed", 1)
