"""Commands and the runs they cause: each gets one answer, those that ask for no more than the oldest join it."""

from __future__ import annotations

from typing import cast

from producers.commands.command_loop import CommandLoop
from producers.runs.messages import Message
from producers.sync_events import SyncEvent
from schemas.codec import from_micros
from schemas.sync_events import TERMINAL_EVENTS
from tests.integration.producers.fix_runs import Desk


def answers(events: list[SyncEvent]) -> dict[str | None, list[str]]:
    """Types of the terminal events of each command."""
    found: dict[str | None, list[str]] = {}
    for event in events:
        if event.type in TERMINAL_EVENTS:
            found.setdefault(event.command_id, []).append(event.type)
    return found


def test_command_is_told_started_progress_entity_complete_and_completed(read_desk: Desk) -> None:
    command_id = read_desk.command()
    events = [event for event in read_desk.run(due=False) if event.command_id == command_id]
    assert events[0].type == "started"
    assert events[-1].type == "completed"
    assert {event.type for event in events[1:-1]} == {"progress", "entity-complete"}
    complete = {event.entity: event for event in events if event.type == "entity-complete"}
    assert set(complete) == {"jobs", "users", "time-entries", "cost-codes", "budgets"}
    assert complete["time-entries"].from_date is not None
    assert complete["time-entries"].complete_through is not None
    assert len({event.run_id for event in events}) == 1


def test_stored_commands_with_days_that_no_calendar_has_are_rejected_and_the_next_is_done(read_desk: Desk) -> None:
    """A version that took them stored them: they must not end every attempt at the company."""
    odd = [
        read_desk.command(type="backfill", from_date=2_147_483_647),
        read_desk.command(type="backfill", to_date=20_260_101, dry_run=True),
    ]
    good = read_desk.command()
    events = read_desk.run(due=False)
    assert answers(events) == {good: ["completed"]} | {command_id: ["rejected"] for command_id in odd}


def test_commands_for_the_same_join_one_run_and_each_is_answered_once(read_desk: Desk) -> None:
    ids = [read_desk.command() for _ in range(3)]
    before = len(read_desk.sql("SELECT 1 FROM integration.runs WHERE company_id = %s"))
    events = read_desk.run(due=False)
    assert answers(events) == {command_id: ["completed"] for command_id in ids}
    assert len(read_desk.sql("SELECT 1 FROM integration.runs WHERE company_id = %s")) == before + 1
    assert read_desk.sql("SELECT 1 FROM integration.commands WHERE company_id = %s AND state <> 'done'") == []


def test_command_for_one_entity_reads_that_and_jobs_alone(read_desk: Desk) -> None:
    read_desk.command(entities=["users"])
    events = read_desk.run(due=False)
    assert [event.entity for event in events if event.type == "entity-complete"] == ["jobs", "users"]


def test_commands_for_single_entities_do_not_put_off_the_scheduled_read(read_desk: Desk) -> None:
    """Else somebody's hourly sync of users would keep shifts from ever being read."""
    due_before = read_desk.connection().next_due_at
    read_desk.clock.move(3600)
    read_desk.command(entities=["users"])
    read_desk.run(due=False)
    assert read_desk.connection().next_due_at == due_before


def test_failed_run_answers_its_commands_with_the_fault(read_desk: Desk) -> None:
    ids = [read_desk.command(), read_desk.command()]
    read_desk.sandbox.set_switches(fail_next=[{"path_contains": "jobpicker", "status": 503, "times": 99}])
    events = read_desk.run(due=False)
    assert answers(events) == {command_id: ["failed"] for command_id in ids}
    assert {event.fault for event in events if event.type == "failed"} == {"source-unavailable"}


def test_command_whose_answer_kafka_does_not_take_is_told_it_once_later(read_desk: Desk) -> None:
    command_id = read_desk.command()
    read_desk.events.refused_type = "completed"
    assert answers(read_desk.run(due=False)) == {}
    read_desk.events.refused_type = None
    assert read_desk.sql("SELECT 1 FROM integration.commands WHERE company_id = %s AND answer IS NULL") == []
    before = len(read_desk.events.written)
    read_desk.publish_answers()
    read_desk.publish_answers()
    assert answers(read_desk.events.written[before:]) == {command_id: ["completed"]}


def test_command_keeps_its_senders_spelling_of_the_id(read_desk: Desk) -> None:
    command_id = read_desk.command(command_id="0D9C2A3E-7B1F-4C6D-9E8A-123456789ABC")
    assert answers(read_desk.run(due=False)) == {command_id: ["completed"]}


def test_full_sync_command_reads_everything(read_desk: Desk) -> None:
    read_desk.command(type="full-sync")
    read_desk.clock.move(60)
    events = read_desk.run(due=False)
    (shifts,) = [event for event in events if event.type == "entity-complete" and event.entity == "time-entries"]
    assert shifts.from_date is None
    assert shifts.counts is not None
    assert shifts.counts["read"] == 450
    assert read_desk.connection().last_full_at == read_desk.clock.now()


def oldest_shift(desk: Desk) -> int:
    return int(min(desk.sandbox.listed("shifts", limit=1000), key=lambda shift: str(shift["time_in"]))["id"])


def notes_of(desk: Desk) -> set[str]:
    return {change["after"]["notes"] for change in desk.folded("time-entries").values()}


def completed(events: list[SyncEvent], command_id: str) -> SyncEvent:
    (end,) = [event for event in events if event.command_id == command_id and event.type in TERMINAL_EVENTS]
    assert end.type == "completed"
    return end


def test_full_sync_behind_one_that_failed_reads_again_what_that_one_had_read(read_desk: Desk) -> None:
    """What was read for the failed one was read before this one was asked for."""
    failed = read_desk.command(type="full-sync")
    read_desk.sandbox.set_switches(fail_next=[{"path_contains": "budget-cost-codes", "status": 503, "times": 99}])
    assert answers(read_desk.run(due=False)) == {failed: ["failed"]}
    read_desk.sandbox.heal()
    edited = oldest_shift(read_desk)
    read_desk.sandbox.edit_shift(edited, notes="edited behind the failed read")
    read_desk.clock.move(60)
    asked_at = read_desk.clock.now()
    again = read_desk.command(type="full-sync")
    end = completed(read_desk.run(due=False), again)
    assert read_desk.folded("time-entries")[str(edited)]["after"]["notes"] == "edited behind the failed read"
    # An answer comes back as it is stored.
    through = from_micros(cast(int, end.complete_through))
    assert through >= asked_at
    assert f"Complete through {through:%Y-%m-%d %H:%M:%S} UTC." in str(end.message)


def test_scheduled_full_read_takes_over_what_a_failed_one_had_read(read_desk: Desk) -> None:
    read_desk.sandbox.set_switches(fail_next=[{"path_contains": "budget-cost-codes", "status": 503, "times": 99}])
    read_desk.run_full()
    read_desk.sandbox.heal()
    before = len(read_desk.source.requests)
    assert answers(read_desk.run()) == {None: ["completed"]}
    assert not [one for one in read_desk.source.requests[before:] if "TimeClock" in str(one.url)]


def test_sync_that_joins_a_read_past_its_first_page_completes_only_with_the_one_behind_it(desk: Desk) -> None:
    joined: list[str] = []

    def join(messages: list[Message]) -> None:
        if joined or not any(message.topic == "buildertrend.time-entries" for message in messages):
            return
        # The newest page of shifts is read; one of them is edited, and only then somebody asks for a sync.
        newest = desk.sandbox.listed("shifts", limit=1)[0]
        desk.sandbox.edit_shift(newest["id"], notes="edited behind the position")
        joined.append(desk.command())
        CommandLoop(desk.tools().recorder, lambda: 0, lambda: 0, desk.clock).reads_to_stop([desk.company_id])

    desk.publisher.before_commit = join
    first = desk.run()
    (command_id,) = joined
    told = [(event.type, event.message) for event in first if event.command_id == command_id]
    assert told[0] == ("started", "joins the read under way")
    assert told[-1][0] == "progress"
    assert "another one follows" in str(told[-1][1])
    assert "edited behind the position" not in notes_of(desk)
    second = desk.run(due=False)
    end = completed(second, command_id)
    assert end.run_id not in {event.run_id for event in first}
    assert "edited behind the position" in notes_of(desk)
