"""Loaded state is ahead of what was delivered: nothing is lost, no version goes back."""

from __future__ import annotations

from schemas.entities import BUDGETS, COST_CODES, ENTITIES, JOBS, TIME_ENTRIES, USERS
from streams.records import RawRecord
from tests.unit.streams.factories import RawTopics, budget, cost_code, job, shift, user
from tests.unit.streams.fakes import Core


def restarted(before: Core, log: list[RawRecord], *, delivered: int) -> Core:
    """A core that loaded all of `log` after `delivered` of its records were committed; keeps what was published."""
    done = {entity: sum(raw.entity is entity for raw in log[:delivered]) for entity in ENTITIES}
    after = Core()
    after.published = before.published
    for raw in log:
        after.state.load(raw, committed=done[raw.entity])
    return after


def test_parent_that_changed_while_down_publishes_its_children() -> None:
    raw, core = RawTopics(), Core()
    log = [raw.put(JOBS, job(jobName="Old")), raw.put(TIME_ENTRIES, shift()), raw.put(JOBS, job(jobName="New"))]
    core.take(*log[:2])
    after = restarted(core, log, delivered=2)
    after.take(*log[2:])
    assert after.table()["time-entries", "acme/9001"]["job_name"] == "New"


def test_loading_publishes_nothing() -> None:
    raw = RawTopics()
    log = [raw.put(JOBS, job()), raw.put(TIME_ENTRIES, shift())]
    assert restarted(Core(), log, delivered=1).take() == []


def test_child_that_is_still_to_be_delivered_is_published_once() -> None:
    raw = RawTopics()
    log = [raw.put(JOBS, job()), raw.put(TIME_ENTRIES, shift())]
    after = restarted(Core(), log, delivered=0)
    assert len(after.take(log[0])) == 1
    assert len(after.take(log[1])) == 1


def test_record_with_a_successor_in_the_log_is_skipped() -> None:
    raw = RawTopics()
    log = [raw.put(JOBS, job(jobName="Old")), raw.put(JOBS, job(jobName="New"))]
    after = restarted(Core(), log, delivered=0)
    assert after.take(log[0]) == []
    assert after.take(log[1])[0].record is not None


def test_code_renamed_while_down_frees_the_shifts_of_its_old_title() -> None:
    raw, core = RawTopics(), Core()
    log = [
        raw.put(JOBS, job()),
        raw.put(USERS, user()),
        raw.put(COST_CODES, cost_code(5, "A")),
        raw.put(TIME_ENTRIES, shift(1, titles=("A",))),
        raw.put(COST_CODES, cost_code(5, "B")),
        raw.put(COST_CODES, cost_code(5, "C")),
    ]
    core.take(*log[:4])
    after = restarted(core, log, delivered=4)
    after.take(*log[4:])
    assert after.table()["time-entries", "acme/1"]["link_status"] == "waiting-for-cost-code"


def test_code_renamed_twice_around_a_crash_frees_the_shifts_of_the_title_between() -> None:
    raw, core = RawTopics(), Core()
    log = [
        raw.put(JOBS, job()),
        raw.put(USERS, user()),
        raw.put(TIME_ENTRIES, shift(1, titles=("B",))),
        raw.put(COST_CODES, cost_code(5, "A")),
        raw.put(COST_CODES, cost_code(5, "B")),
        raw.put(COST_CODES, cost_code(5, "C")),
    ]
    core.take(*log[:5])
    after = restarted(core, log, delivered=4)
    after.take(*log[4:])
    assert after.table()["time-entries", "acme/1"]["link_status"] == "waiting-for-cost-code"


def test_code_renamed_while_down_and_compacted_frees_the_shifts_of_its_old_title() -> None:
    raw, core = RawTopics(), Core()
    parents = [raw.put(JOBS, job()), raw.put(USERS, user())]
    old = raw.put(COST_CODES, cost_code(5, "A"))
    entry = raw.put(TIME_ENTRIES, shift(1, titles=("A",)))
    new = raw.put(COST_CODES, cost_code(5, "B"))
    core.take(*parents, old, entry)
    after = Core()
    after.published = core.published
    for record in [*parents, entry]:
        after.state.load(record, committed=99)
    after.state.load(new, committed=1)
    after.take(new)
    assert after.table()["time-entries", "acme/1"]["link_status"] == "waiting-for-cost-code"


def test_deletion_of_a_code_while_down_frees_its_shifts() -> None:
    raw, core = RawTopics(), Core()
    log = [
        raw.put(JOBS, job()),
        raw.put(USERS, user()),
        raw.put(COST_CODES, cost_code()),
        raw.put(TIME_ENTRIES, shift()),
        raw.put(BUDGETS, budget(title="Row title")),
    ]
    core.take(*log)
    gone = raw.delete(COST_CODES, "1")
    after = restarted(core, [*log, *gone], delivered=5)
    after.take(*gone)
    assert after.table()["time-entries", "acme/9001"]["link_status"] == "waiting-for-cost-code"
    assert after.table()["budgets", "acme/1:1"]["cost_code_title"] == "Row title"
    assert ("cost-codes", "acme/1") not in after.table()


def test_deletion_of_which_compaction_left_the_tombstone_is_published() -> None:
    raw, core = RawTopics(), Core()
    entry = raw.put(TIME_ENTRIES, shift())
    core.take(raw.put(JOBS, job()), entry)
    _, tombstone = raw.delete(JOBS, "1")
    after = Core()
    after.published = core.published
    after.state.load(entry, committed=1)
    after.state.load(tombstone, committed=1)
    after.take(tombstone)
    assert ("jobs", "acme/1") not in after.table()
    assert after.table()["time-entries", "acme/9001"]["link_status"] == "waiting-for-job"


def test_deletion_that_was_published_before_is_not_published_by_its_tombstone() -> None:
    raw, core = RawTopics(), Core()
    gone, tombstone = raw.delete(JOBS, "1")
    core.take(gone)
    after = restarted(core, [gone, tombstone], delivered=1)
    assert after.take(tombstone) == []


def test_record_older_than_a_tombstone_that_was_loaded_does_not_bring_it_back() -> None:
    raw, core = RawTopics(), Core()
    old = raw.put(JOBS, job())
    gone, tombstone = raw.delete(JOBS, "1")
    after = restarted(core, [old, gone, tombstone], delivered=3)
    assert after.take(old) == []


def test_deletion_that_compaction_takes_after_loading_is_published_by_its_tombstone() -> None:
    raw = RawTopics()
    gone, tombstone = raw.delete(JOBS, "1")
    after = restarted(Core(), [gone, tombstone], delivered=0)
    assert [each.key for each in after.take(tombstone)] == ["acme/1", "acme/1"]


def test_parent_behind_its_children_publishes_none_that_was_published_with_it() -> None:
    raw = RawTopics()
    log = [
        raw.put(TIME_ENTRIES, shift()),
        raw.put(JOBS, job()),
        raw.put(USERS, user()),
        raw.put(COST_CODES, cost_code()),
    ]
    after = restarted(Core(), log, delivered=0)
    assert [row.record and row.record["link_status"] for row in after.take(log[0])] == ["linked"]
    assert [each.entity for each in after.take(*log[1:])] == ["jobs", "users", "cost-codes"]


def test_parent_behind_its_children_publishes_those_that_somebody_else_published() -> None:
    raw, core = RawTopics(), Core()
    log = [raw.put(TIME_ENTRIES, shift()), raw.put(JOBS, job())]
    core.take(log[0])
    after = restarted(core, log, delivered=1)
    assert [each.entity for each in after.take(log[1])] == ["jobs", "time-entries"]
    assert [each.entity for each in after.take(log[1])] == ["jobs"]


def test_child_published_before_a_rebalance_follows_a_parent_that_came_in_it() -> None:
    raw, core = RawTopics(), Core()
    entry, old, new = raw.put(TIME_ENTRIES, shift()), raw.put(JOBS, job()), raw.put(JOBS, job(jobName="New"))
    core.take(old, entry)
    core.state.resume()
    core.state.load(new, committed=0)
    core.take(new)
    assert core.table()["time-entries", "acme/9001"]["job_name"] == "New"


def test_child_that_was_delivered_follows_its_parents_again() -> None:
    raw = RawTopics()
    log = [raw.put(TIME_ENTRIES, shift())]
    after = restarted(Core(), log, delivered=0)
    after.take(log[0])
    after.take(raw.put(JOBS, job()))
    assert after.table()["time-entries", "acme/9001"]["job_name"] == "Job 1"


def test_code_renamed_while_down_leaves_the_shifts_of_other_titles_alone() -> None:
    raw, core = RawTopics(), Core()
    log = [
        raw.put(COST_CODES, cost_code(5, "A")),
        raw.put(TIME_ENTRIES, shift(1, titles=("A",))),
        raw.put(TIME_ENTRIES, shift(2, titles=("X",))),
        raw.put(COST_CODES, cost_code(5, "B")),
    ]
    core.take(*log[:3])
    found = restarted(core, log, delivered=3).take(log[3])
    assert [(each.entity, each.key) for each in found] == [("cost-codes", "acme/5"), ("time-entries", "acme/1")]


def test_version_does_not_fall_behind_what_was_loaded() -> None:
    raw = RawTopics()
    log = [raw.put(JOBS, job()), raw.put(USERS, user())]
    after = restarted(Core(), log, delivered=0)
    (found,) = after.take(log[0])
    assert found.headers.version == 2


def test_version_counts_deletions_that_were_loaded() -> None:
    raw = RawTopics()
    log = [raw.put(JOBS, job()), *raw.delete(USERS, "1")]
    after = restarted(Core(), log, delivered=0)
    assert after.take(log[0])[0].headers.version == 2


def test_state_kept_over_a_rebalance_awaits_nothing_that_another_owner_took() -> None:
    raw = RawTopics()
    entry = raw.put(TIME_ENTRIES, shift())
    core = restarted(Core(), [entry], delivered=0)
    other = Core()
    other.take(entry)
    core.published = other.published
    core.state.resume()
    core.take(raw.put(JOBS, job()))
    assert core.table()["time-entries", "acme/9001"]["job_name"] == "Job 1"


def test_next_offset_is_behind_what_was_loaded_or_delivered() -> None:
    raw, core = RawTopics(), Core()
    first, second = raw.put(JOBS, job(1)), raw.put(JOBS, job(2))
    assert core.state.next_offset(JOBS) == 0
    core.state.load(first, committed=1)
    assert core.state.next_offset(JOBS) == 1
    core.take(second)
    assert core.state.next_offset(JOBS) == 2
    core.take(first)
    assert core.state.next_offset(JOBS) == 2
    assert core.state.next_offset(USERS) == 0
