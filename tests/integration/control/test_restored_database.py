"""A database that was set back hears from the topics what it lost; one that was not is left alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

import pytest

from control.restored_database import FoundRecord, read_pulse
from control.runs import NewRun, begin_run, open_run
from control.source_state import Published, ReadRange, known, put_published, unseen
from core.errors import RetriableError
from producers.restored_database import MARGIN, Found, RestoreGuard
from producers.runs.compare import UNCONFIRMED
from schemas.entities import JOBS, TIME_ENTRIES
from tests import factories
from tests.fakes import FakeClock
from tests.integration.control.fix_companies import Office

DAY = date(2026, 6, 17)


@dataclass
class Topics:
    """What raw topics hold; `asked` keeps since when they were looked through."""

    runs: dict[str, int] = field(default_factory=dict)
    found: Found = field(default_factory=dict)
    asked: list[datetime | None] = field(default_factory=list)
    away: bool = False

    def highest_runs(self, since: datetime | None) -> dict[str, int]:
        self.asked.append(since)
        if self.away:
            raise RetriableError("away")
        return dict(self.runs)

    def records(self, since: datetime | None, company_ids: Collection[str]) -> Found:
        assert since == self.asked[-1]
        return {place: records for place, records in self.found.items() if place[0] in company_ids}


def guard(office: Office, topics: Topics, clock: FakeClock | None = None) -> RestoreGuard:
    return RestoreGuard(office.database, topics, clock or FakeClock())


def begun(office: Office, company_id: str, *, runs: int = 1) -> int:
    with office.database.transaction() as tx:
        return [begin_run(tx, company_id, NewRun("full", {})).run.run_seq for _ in range(runs)][-1]


def set_back_to(office: Office, beat: int) -> None:
    with office.database.transaction() as tx:
        tx.execute("UPDATE integration.pulse SET beat = %s", [beat])


def make_new(office: Office) -> None:
    """As a database is that nobody has compared with the topics."""
    with office.database.transaction() as tx:
        tx.execute("UPDATE integration.pulse SET beat = 0, at = NULL")


def test_guard_of_a_new_database_looks_through_everything_once_and_then_since_the_last_beat(office: Office) -> None:
    make_new(office)
    topics, clock = Topics(), FakeClock()
    first = guard(office, topics, clock)
    first.check()
    first.check()
    with office.database.transaction() as tx:
        pulse = read_pulse(tx)
    assert (pulse.beat, topics.asked) == (1, [None])
    assert pulse.at is not None
    guard(office, topics).check()
    assert topics.asked[1:] == [pulse.at - MARGIN]
    clock.move(5)
    first.check()
    with office.database.transaction() as tx:
        assert read_pulse(tx).beat == 3


def test_guard_leaves_a_database_alone_that_knows_every_run(office: Office) -> None:
    company_id = office.connect()
    begun(office, company_id, runs=3)
    guard(office, Topics({company_id: 3})).check()
    assert begun(office, company_id) == 4


def test_guard_lifts_every_company_above_what_the_topics_hold_if_one_lost_a_run(office: Office) -> None:
    behind, even, unread = office.connect(), office.connect(), office.connect()
    for company_id in (behind, even, unread):
        begun(office, company_id, runs=2)
    office.execute("UPDATE integration.connections SET last_full_at = now(), next_due_at = now() + '1 h'", behind)
    guard(office, Topics({behind: 9, even: 2})).check()
    assert begun(office, behind) > 9
    assert begun(office, even) > 3
    assert begun(office, unread) == 3
    assert office.connection(behind).last_full_at is None
    assert {lease.company_id for lease in office.lease()} >= {behind, even}


def test_guard_fences_who_works_on_a_company_and_ends_its_run(office: Office) -> None:
    company_id = office.connect()
    office.make_due(company_id)
    (lease,) = office.lease()
    begun(office, company_id)
    guard(office, Topics({company_id: 9})).check()
    with office.database.transaction() as tx:
        assert open_run(tx, company_id) is None
    (again,) = office.lease("two")
    assert (again.epoch > lease.epoch, again.fences) == (True, True)


def test_guard_doubts_what_was_published_since_and_forgets_what_was_deleted(office: Office) -> None:
    company_id, other = office.connect(), office.connect()
    records = [
        Published(entity_id, b"f" * 16, version, DAY, None) for entity_id, version in (("1", 5), ("2", 5), ("3", 5))
    ]
    with office.database.transaction() as tx:
        for each in (company_id, other):
            put_published(tx, each, "time-entries", records)
    found = {
        "1": FoundRecord("1", 5, local_day=DAY),
        "2": FoundRecord("2", 8, local_day=DAY),
        "3": FoundRecord("3", 9, deleted=True),
        "4": FoundRecord("4", 7, local_day=DAY),
    }
    guard(office, Topics({company_id: 9}, {(company_id, TIME_ENTRIES): found})).check()
    ids = ["1", "2", "3", "4"]
    with office.database.transaction() as tx:
        now = known(tx, company_id, "time-entries", ids)
        untouched = known(tx, other, "time-entries", ids)
        run = begin_run(tx, company_id, NewRun("full", {})).run
        missing = unseen(tx, run, "time-entries", ReadRange(from_day=DAY))
    assert {entity_id: each.fingerprint for entity_id, each in now.items()} == {
        "1": b"f" * 16,
        "2": UNCONFIRMED,
        "4": UNCONFIRMED,
    }
    assert {each.fingerprint for each in untouched.values()} == {b"f" * 16}
    # Published behind the backup and gone from the source since: the next read of everything deletes it.
    assert missing == ["1", "2", "4"]


def test_guard_keeps_the_runs_of_a_company_that_the_database_lost(office: Office) -> None:
    company_id, there = factories.company_id(), office.connect()
    begun(office, there)
    found = {"1": FoundRecord("1", 5)}
    guard(office, Topics({company_id: 9, there: 1}, {(company_id, JOBS): found})).check()
    office.connect(company_id)
    assert begun(office, company_id) > 9
    assert begun(office, there) == 2
    with office.database.transaction() as tx:
        assert set(known(tx, company_id, "jobs", ["1"])) == {"1"}


def test_guard_that_saw_a_higher_beat_compares_again(office: Office) -> None:
    topics = Topics()
    watching = guard(office, topics)
    set_back_to(office, 100)
    watching.check()
    set_back_to(office, 90)
    watching.check()
    assert len(topics.asked) == 2
    with office.database.transaction() as tx:
        assert read_pulse(tx).beat > 101


def test_guard_compares_again_after_an_outage_and_beats_only_then(office: Office) -> None:
    make_new(office)
    topics = Topics(away=True)
    watching = guard(office, topics)
    with pytest.raises(RetriableError):
        watching.check()
    with office.database.transaction() as tx:
        assert read_pulse(tx).beat == 0
    topics.away = False
    watching.check()
    assert topics.asked == [None, None]
