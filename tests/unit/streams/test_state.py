"""The state of a partition: which record publishes what, versions, deletions, records that must be refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.errors import InvalidRecordError
from core.topics import entity_key
from schemas.entities import BUDGETS, COST_CODES, JOBS, TIME_ENTRIES, USERS
from streams.state.partition import Outcome
from tests.unit.streams.factories import OBSERVED_AT, RawTopics, budget, cost_code, job, named, shift, user
from tests.unit.streams.fakes import Core, Published


def keys(found: list[Published]) -> list[tuple[str, str]]:
    return [(each.entity, each.key.partition("/")[2]) for each in found]


def status(core: Core, shift_id: str = "9001") -> str:
    return str(core.table()["time-entries", f"acme/{shift_id}"]["link_status"])


def test_shift_before_its_parents_is_published_at_once_and_again_as_they_come() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(TIME_ENTRIES, shift()))
    seen = [status(core)]
    for parent, content in ((JOBS, job()), (USERS, user()), (COST_CODES, cost_code())):
        core.take(raw.put(parent, content))
        seen.append(status(core))
    assert seen == ["waiting-for-job", "waiting-for-user", "waiting-for-cost-code", "linked"]
    row = core.table()["time-entries", "acme/9001"]
    assert (row["job_name"], row["user_name"], row["cost_code_id"]) == ("Job 1", "Ana Diaz 1", "1")
    assert (row["total_minutes"], row["version"], row["observed_at"]) == (480, raw.version, OBSERVED_AT + 1)


def test_parent_change_publishes_exactly_the_children_whose_record_changes() -> None:
    raw, core = RawTopics(), Core()
    core.take(
        raw.put(JOBS, job(1)),
        raw.put(JOBS, job(2)),
        raw.put(TIME_ENTRIES, shift(9001)),
        raw.put(TIME_ENTRIES, shift(9002, jobId=2)),
        raw.put(BUDGETS, budget(1)),
        raw.put(BUDGETS, budget(2)),
    )
    assert keys(core.take(raw.put(JOBS, job(1, street="Elm St")))) == [("jobs", "1")]
    renamed = core.take(raw.put(JOBS, job(1, jobName="Tighe Garage")))
    assert sorted(keys(renamed)) == [("budgets", "1:1"), ("jobs", "1"), ("time-entries", "9001")]
    assert {each.headers.run_id for each in renamed} == {f"run-{raw.version}"}


def test_cost_code_rename_publishes_shifts_of_the_old_and_of_the_new_title() -> None:
    raw, core = RawTopics(), Core()
    core.take(
        raw.put(JOBS, job()),
        raw.put(USERS, user()),
        raw.put(COST_CODES, cost_code(5, "A")),
        raw.put(TIME_ENTRIES, shift(1, titles=("A",))),
        raw.put(TIME_ENTRIES, shift(2, titles=("B",))),
        raw.put(TIME_ENTRIES, shift(3, titles=("C",))),
    )
    found = core.take(raw.put(COST_CODES, cost_code(5, "B")))
    assert sorted(keys(found)) == [("cost-codes", "5"), ("time-entries", "1"), ("time-entries", "2")]
    assert [status(core, id_) for id_ in "123"] == ["waiting-for-cost-code", "linked", "waiting-for-cost-code"]


def test_cost_code_that_comes_or_is_renamed_publishes_the_shifts_that_name_its_id_with_another_title() -> None:
    raw, core = RawTopics(), Core()
    core.take(
        raw.put(JOBS, job()),
        raw.put(USERS, user()),
        raw.put(TIME_ENTRIES, shift(1, costCodes=[named("A", 5, "480")])),
        raw.put(TIME_ENTRIES, shift(2, costCodes=[named("B", 5, "240"), named("C", 6, "240")])),
        raw.put(TIME_ENTRIES, shift(3, costCodes=[named("A", 6, "480")])),
    )
    assert [status(core, id_) for id_ in "123"] == ["linked", "split", "linked"]
    assert sorted(keys(core.take(raw.put(COST_CODES, cost_code(5, "A"))))) == [
        ("cost-codes", "5"),
        ("time-entries", "2"),
    ]
    renamed = core.take(raw.put(COST_CODES, cost_code(5, "D")))
    assert sorted(keys(renamed)) == [("cost-codes", "5"), ("time-entries", "1"), ("time-entries", "2")]
    assert core.table()["time-entries", "acme/2"]["cost_code_title"] == "D; C"
    assert [status(core, id_) for id_ in "123"] == ["linked", "split", "linked"]


def test_deletion_is_a_record_and_a_tombstone_with_the_same_headers() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(TIME_ENTRIES, shift()))
    gone, tombstone = core.take(*raw.delete(TIME_ENTRIES, "9001"))
    assert gone.record is not None
    assert (gone.record["deleted_at"], gone.record["observed_at"]) == (OBSERVED_AT + 2, OBSERVED_AT + 2)
    rest = {name: value for name, value in gone.record.items() if name not in ("deleted_at", "observed_at", "version")}
    lists: dict[str, list[str]] = {"tags": [], "split_cost_code_ids": [], "split_minutes": []}
    assert rest == dict.fromkeys(rest) | {"company_id": "acme", "time_entry_id": "9001"} | lists
    assert tombstone.record is None
    assert gone.headers == tombstone.headers
    assert gone.headers.version == raw.version


def test_deletion_of_a_parent_makes_its_children_wait() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(JOBS, job()), raw.put(TIME_ENTRIES, shift()), raw.put(BUDGETS, budget()))
    found = core.take(*raw.delete(JOBS, "1"))
    assert sorted(keys(found)) == [("budgets", "1:1"), ("jobs", "1"), ("jobs", "1"), ("time-entries", "9001")]
    assert status(core) == "waiting-for-job"
    assert core.table()["time-entries", "acme/9001"]["job_name"] == "Row job"


def test_deletion_of_something_unknown_is_published() -> None:
    raw, core = RawTopics(), Core()
    assert keys(core.take(*raw.delete(JOBS, "77"))) == [("jobs", "77"), ("jobs", "77")]


def test_tombstone_whose_deletion_was_compacted_away_does_its_work() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(JOBS, job()), raw.put(TIME_ENTRIES, shift()))
    _, tombstone = raw.delete(JOBS, "1")
    found = core.take(tombstone)
    assert sorted(keys(found)) == [("jobs", "1"), ("jobs", "1"), ("time-entries", "9001")]
    assert found[0].record is not None
    assert found[0].record["deleted_at"] == tombstone.timestamp_ms * 1000
    assert {each.headers.version for each in found} == {raw.version}


def test_older_record_changes_nothing() -> None:
    raw, core = RawTopics(), Core()
    old = raw.put(JOBS, job(jobName="Old"))
    core.take(raw.put(JOBS, job(jobName="New")))
    assert core.take(old) == []
    assert core.state.apply(old) is Outcome.OUTDATED


def test_older_record_behind_a_newer_one_differs_from_one_that_was_loaded_ahead() -> None:
    raw, core = RawTopics(), Core()
    old, other = raw.put(JOBS, job(jobName="Old")), raw.delete(JOBS, "2")[1]
    new, gone = raw.put(JOBS, job(jobName="New")), raw.delete(JOBS, "2")[1]
    core.take(new, gone)
    assert [core.state.apply(each) for each in (old, other)] == [Outcome.OUTDATED] * 2
    for further, each in enumerate((old, other), start=1):
        assert core.state.apply(replace(each, offset=gone.offset + further)) is Outcome.OLDER
    assert core.table()["jobs", "acme/1"]["name"] == "New"


def test_record_older_than_a_deletion_does_not_bring_it_back() -> None:
    raw, core = RawTopics(), Core()
    old = raw.put(JOBS, job())
    gone, tombstone = raw.delete(JOBS, "1")
    core.take(gone)
    assert core.take(old) == []
    assert core.take(tombstone) == []


def test_record_older_than_a_tombstone_does_not_bring_it_back() -> None:
    raw, core = RawTopics(), Core()
    old = raw.put(JOBS, job())
    gone, tombstone = raw.delete(JOBS, "1")
    core.take(gone, tombstone)
    assert core.take(old) == []
    assert core.take(tombstone) == []


def test_record_after_a_deletion_lives_again() -> None:
    raw, core = RawTopics(), Core()
    gone, tombstone = raw.delete(JOBS, "1")
    core.take(gone, raw.put(JOBS, job()))
    assert core.take(tombstone) == []
    assert core.table()["jobs", "acme/1"]["name"] == "Job 1"


def test_same_record_again_is_published_again_without_its_children() -> None:
    raw, core = RawTopics(), Core()
    record = raw.put(JOBS, job())
    core.take(record, raw.put(TIME_ENTRIES, shift()))
    assert keys(core.take(record)) == [("jobs", "1")]


def test_version_is_the_highest_of_the_company_also_for_an_older_entity() -> None:
    raw, core = RawTopics(), Core()
    late = raw.put(JOBS, job())
    core.take(raw.put(USERS, user()))
    (found,) = core.take(late)
    assert found.record is not None
    assert (found.record["version"], found.headers.version, found.headers.run_id) == (2, 2, "run-1")


def test_companies_do_not_affect_each_other() -> None:
    one, other, core = RawTopics("acme"), RawTopics("other-1"), Core()
    core.take(one.put(TIME_ENTRIES, shift()), other.put(JOBS, job()))
    assert status(core) == "waiting-for-job"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"key": None}, "has no key"),
        ({"key": b"acme"}, "not <company_id>/<entity_id>"),
        ({"key": b"\xff/1"}, "not UTF-8"),
        ({"key": b"ac\x00me/1"}, "NUL"),
        ({"key": entity_key("acme", "2")}, "different entities"),
        ({"partition": 99}, "murmur2"),
        ({"value": b""}, "Confluent's Avro format"),
        ({"value": b"\x00\x00\x00\x00\x01"}, "cannot be decoded"),
        ({"value": None, "headers": []}, "no header version"),
        (
            {"value": None, "headers": [("version", b"1"), ("run_id", b"r"), ("company_id", b"b")]},
            "different companies",
        ),
    ],
)
def test_record_that_is_none_is_refused_and_changes_nothing(changes: dict[str, Any], reason: str) -> None:
    raw, core = RawTopics(), Core()
    bad = replace(raw.put(JOBS, job()), **changes)
    with pytest.raises(InvalidRecordError, match=reason):
        core.state.apply(bad)
    assert core.take() == []


def test_record_of_another_company_under_this_key_is_refused() -> None:
    foreign = RawTopics("other").put(JOBS, job())
    with pytest.raises(InvalidRecordError, match="different entities"):
        Core().state.apply(replace(RawTopics().put(JOBS, job()), value=foreign.value))


@pytest.mark.parametrize("changes", [{"after": None, "op": "UPDATE"}, {"after": job(2)}])
def test_record_without_its_entity_is_refused(changes: dict[str, object]) -> None:
    raw, core = RawTopics(), Core()
    with pytest.raises(InvalidRecordError, match="no entity, or another"):
        core.state.apply(raw.put(JOBS, job(1), **changes))


def test_refused_change_leaves_the_last_good_one() -> None:
    raw, core = RawTopics(), Core()
    core.take(raw.put(TIME_ENTRIES, shift()))
    with pytest.raises(InvalidRecordError):
        core.state.apply(raw.put(TIME_ENTRIES, shift(regularTime=-1)))
    core.take(raw.put(JOBS, job()))
    assert core.table()["time-entries", "acme/9001"]["total_minutes"] == 480
