"""A company's derived views and edits, on a small company with a journal in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import partial

import pytest

from sandbox import edits
from sandbox.company import Company
from sandbox.errors import NotFoundError, RefusedError
from sandbox.generator.company import generate
from sandbox.generator.plan import Plan, profile_of
from sandbox.model import Job, Profile, Record, Shift, User
from sandbox.summary import summary_of
from sandbox.switches import Switches

PLAN = Plan(5, 6, 60, date(2026, 6, 17), "America/Denver")


@dataclass
class RememberingJournal:
    """Keeps the order of writes."""

    written: list[tuple[str, Record]] = field(default_factory=list)

    def put(self, _: int, record: Record) -> None:
        self.written.append(("put", record))

    def remove(self, _: int, record: Record) -> None:
        self.written.append(("remove", record))

    def save_profile(self, profile: Profile) -> None: ...

    def save_switches(self, builder_id: int, switches: Switches) -> None: ...


def make_company() -> tuple[Company, RememberingJournal]:
    journal = RememberingJournal()
    return Company(profile_of(PLAN), generate(PLAN), switches=Switches(), journal=journal), journal


def test_derived_is_computed_once_until_the_next_write() -> None:
    company, _ = make_company()
    calls: list[int] = []

    def compute() -> int:
        calls.append(1)
        return len(company.jobs)

    assert [company.derived("k", compute), company.derived("k", compute), len(calls)] == [6, 6, 1]
    edits.delete_job(company, company.jobs[max(company.jobs)])
    assert company.derived("k", compute) == 5


def test_derived_does_not_grow_without_bound() -> None:
    company, _ = make_company()
    values = [company.derived(key, partial(int, key)) for key in range(500)]
    assert values == list(range(500))
    assert len(company._derived) <= 64


def test_summary_follows_edits() -> None:
    company, _ = make_company()
    before = summary_of(company)
    shift = edits.new_shift(
        company,
        {
            "job_id": 0,
            "user_id": min(company.users),
            "time_in": "2026-06-01T07:00:00",
            "time_out": "2026-06-01T08:40:00",
        },
    )
    after = summary_of(company)
    assert after["time_entries"] == before["time_entries"] + 1
    assert after["minutes"] == before["minutes"] + 100
    company.remove(shift)
    assert summary_of(company) == before


def test_delete_job_journals_every_record_it_takes_along() -> None:
    company, journal = make_company()
    job_id = next(shift.job_id for shift in company.shifts.values() if shift.job_id)
    expected = sum(
        one.job_id == job_id
        for table in (company.shifts, company.budget_lines, company.worksheet_lines)
        for one in table.values()
    )
    edits.delete_job(company, company.jobs[job_id])
    assert [kind for kind, _ in journal.written] == ["remove"] * (expected + 1)
    assert isinstance(journal.written[-1][1], Job)


def test_refused_shift_is_not_written() -> None:
    company, journal = make_company()
    with pytest.raises(RefusedError):
        edits.new_shift(
            company,
            {
                "job_id": 0,
                "user_id": min(company.users),
                "time_in": "2026-06-01T07:00:00",
                "time_out": "2026-06-01T06:00:00",
            },
        )
    with pytest.raises(NotFoundError):
        edits.find(company, User, 1)
    assert journal.written == []


def test_shift_over_the_end_of_summer_time_counts_the_hour_twice() -> None:
    company, _ = make_company()
    values = {
        "job_id": 0,
        "user_id": min(company.users),
        "time_in": "2026-10-31T22:00:00",
        "time_out": "2026-11-01T06:00:00",
    }
    assert edits.new_shift(company, values).regular_minutes == 540


def test_stated_minutes_win_over_the_clock() -> None:
    company, _ = make_company()
    values = {
        "job_id": 0,
        "user_id": min(company.users),
        "time_in": "2026-06-01T07:00:00",
        "time_out": "2026-06-01T08:00:00",
        "regular_minutes": 20,
    }
    shift = edits.new_shift(company, values)
    assert shift.regular_minutes == 20
    assert isinstance(company.shifts[shift.id], Shift)
