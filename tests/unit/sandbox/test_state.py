"""The state file and the directory: what was written is read back unchanged, and existing companies are reused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from sandbox import edits
from sandbox.directory import CompanyRequest, Directory, anchor_for
from sandbox.errors import NotFoundError, RefusedError
from sandbox.generator.company import generate
from sandbox.generator.plan import Plan, profile_of
from sandbox.model import Job, Shift
from sandbox.rules import FailNext
from sandbox.state import FILE_NAME, StateFile
from sandbox.switches import Switches

SMALL = CompanyRequest(seed=5, jobs=6, shifts=60, anchor_date=date(2026, 6, 17))


def reopened(state_dir: Path) -> Directory:
    return Directory(StateFile(state_dir))


def test_company_read_back_is_the_company_written(tmp_path: Path) -> None:
    plan = Plan(5, 6, 60, date(2026, 6, 17), "America/Denver")
    tables, profile = generate(plan), profile_of(plan)
    StateFile(tmp_path).save_company(profile, tables, Switches())
    again = StateFile(tmp_path)
    assert again.profiles() == [profile]
    assert again.load_tables(profile.builder_id) == tables


def test_state_without_a_directory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Directory(StateFile(None)).open_or_create(SMALL)
    assert list(tmp_path.iterdir()) == []


def test_state_file_is_made_with_its_directory(tmp_path: Path) -> None:
    StateFile(tmp_path / "a" / "b").close()
    assert (tmp_path / "a" / "b" / FILE_NAME).exists()


def test_save_company_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    plan = Plan(5, 6, 60, date(2026, 6, 17), "America/Denver")
    tables, profile, state = generate(plan), profile_of(plan), StateFile(tmp_path)
    first, unstorable = next(iter(tables.shifts.values())), cast(str, b"bytes are no JSON")
    tables.shifts[first.id] = replace(first, notes=unstorable)
    with pytest.raises(TypeError):
        state.save_company(profile, tables, Switches())
    assert state.profiles() == []


def test_open_or_create_again_gives_the_edited_company_also_from_the_file(tmp_path: Path) -> None:
    company = reopened(tmp_path).open_or_create(SMALL)
    shift = edits.find(company, Shift, max(company.shifts))
    edits.save_shift(company, shift, {"notes": "kept — ✓"})
    later = replace(SMALL, anchor_date=date(2027, 1, 1))
    again = reopened(tmp_path).open_or_create(later)
    assert again.shifts[shift.id].notes == "kept — ✓"
    assert again.profile == company.profile
    assert again.shifts == company.shifts


def test_ids_of_removed_records_are_not_given_again_after_reopening(tmp_path: Path) -> None:
    company = reopened(tmp_path).open_or_create(SMALL)
    last = max(company.shifts)
    company.remove(company.shifts[last])
    company.remove(company.shifts[max(company.shifts)])
    again = reopened(tmp_path).open_or_create(SMALL)
    assert last not in again.shifts
    assert again.next_id(Shift) == last + 1
    assert again.next_id(Job) == max(again.jobs) + 1


def test_switches_are_kept_without_the_armed_failures(tmp_path: Path) -> None:
    company = reopened(tmp_path).open_or_create(SMALL)
    failing = Switches(users_endpoint="404", fail_next=[FailNext(path_contains="/api", status=500)])
    company.rewrite_switches(failing)
    assert reopened(tmp_path).open_or_create(SMALL).switches == Switches(users_endpoint="404")


def test_changed_profile_is_found_by_its_new_username(tmp_path: Path) -> None:
    directory = reopened(tmp_path)
    company = directory.open_or_create(SMALL)
    directory.rewrite_profile(company, {"username": "New@X.example", "password": "p"})
    for one in (directory, reopened(tmp_path)):
        found = one.by_username("new@x.EXAMPLE")
        assert found is not None
        assert found.profile.password == "p"
        assert one.by_username(profile_of(Plan(5, 6, 60, date(2026, 6, 17), "UTC")).username) is None


def test_two_companies_never_share_a_username_or_builder_id(tmp_path: Path) -> None:
    directory = reopened(tmp_path)
    first = directory.open_or_create(SMALL)
    with pytest.raises(RefusedError, match="another company"):
        directory.open_or_create(replace(SMALL, seed=6, username=first.profile.username))
    second = directory.open_or_create(replace(SMALL, username="second@x.example"))
    assert second.profile.builder_id != first.profile.builder_id
    assert second.shifts.keys() == first.shifts.keys()
    assert [one.username for one in directory.profiles()] == [first.profile.username, "second@x.example"]


def test_company_of_an_unknown_builder_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="4711"):
        Directory(StateFile(None)).company(4711)


@pytest.mark.parametrize(("hour", "day"), [(7, 16), (8, 17), (23, 17)])
def test_anchor_is_today_only_once_crews_are_clocked_in(hour: int, day: int) -> None:
    assert anchor_for(datetime(2026, 6, 17, hour, tzinfo=ZoneInfo("America/Denver"))) == date(2026, 6, day)
