"""One cause and one next step for whatever is known of a record."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from reports.evidence import EntityRead, Evidence, Incomplete, LastRead
from reports.explain import explain
from schemas.faults import FAULTS, OPERATOR
from tests.unit.reports.factories import (
    CANONICAL,
    EARLIER,
    NOW,
    canonical,
    connection,
    held,
    letter,
    place,
    raw,
    row,
    stored,
    unknown,
)

SHORT = Incomplete("Buildertrend stated 450 time entries and showed 150.", EARLIER)
UNLINKED = {"row": row(link_status="waiting-for-job"), "canonical": canonical(link_status="waiting-for-job")}
POLLER_LETTER = letter(stage="poller", topic="integration.sync-commands", place=place("dead", 1, at=NOW))


def of_status(status: str, detail: str | None = None, **refers_to: str) -> Evidence:
    return stored(
        row=row(link_status=status, link_detail=detail),
        canonical=canonical(link_status=status, link_detail=detail, refers_to=refers_to),
    )


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (stored(), "in-protiv"),
        (stored(streams_next=10), "in-protiv"),  # a committed offset comes later than what it stands for
        (stored(streams_next=10, canonical=canonical(version=99)), "streams-behind"),
        (stored(streams_next=10, canonical=None, row=None), "streams-behind"),
        (stored(canonical=None, row=None), "lost-in-streams"),
        (stored(canonical=canonical(version=99)), "lost-in-streams"),
        (stored(sink_next=20, row=None), "sink-behind"),
        (stored(sink_next=20, row=row(version=50)), "sink-behind"),
        (stored(sink_next=20), "in-protiv"),
        (stored(row=None), "lost-in-sink"),
        (stored(row=row(version=50)), "lost-in-sink"),
        (stored(raw=None, canonical=None, row=None), "raw-record-missing"),
        (stored(incomplete=SHORT), "source-incomplete"),
        (stored(incomplete=SHORT, connection=connection(fault="source-incomplete")), "source-incomplete"),
        (stored(connection=connection(fault="source-incomplete")), "in-protiv"),  # of another entity
        (unknown(incomplete=SHORT), "source-incomplete"),
        (unknown(incomplete=SHORT, entity_read=None), "source-incomplete"),
        (stored(raw=raw(minutes=(480, 0, None)), canonical=canonical(minutes=(450, 0, None))), "differs-in-streams"),
        (stored(raw=raw(minutes=(480, 30, None)), canonical=canonical(minutes=(480, None, None))), "in-protiv"),
        (
            stored(canonical=canonical(minutes=(480, 5, None)), row=row(regular_minutes=480, overtime_minutes=0)),
            "differs-in-sink",
        ),
        (
            stored(canonical=canonical(minutes=(480, 0, None)), row=row(regular_minutes=480, overtime_minutes=0)),
            "in-protiv",
        ),
        (stored(held=held()), "deletion-held"),
        (stored(held=held(released_at=NOW, released_by="ana")), "deletion-released"),
        (stored(letters=[letter()], canonical=None, row=None), "dead-letter-streams"),
        (stored(letters=[letter()], canonical=canonical(version=99), row=row(version=99)), "dead-letter-streams"),
        (stored(letters=[letter()]), "dead-letter-streams"),  # what is stored was known before
        (stored(letters=[letter(offset=9)]), "in-protiv"),  # a newer record has followed
        (stored(letters=[letter(stage="sink", topic=CANONICAL, offset=20, version=101)], row=None), "dead-letter-sink"),
        (stored(letters=[letter(stage="sink", topic=CANONICAL, offset=20, version=101)]), "in-protiv"),  # replayed
        (unknown(), "never-shown"),
        (unknown(entity_read=None), "not-read-yet"),
        (unknown(entity_read=None, connection=connection(leased=True, running=True)), "being-read"),
        (unknown(entity_read=EntityRead(EARLIER, date(2026, 5, 13), None)), "outside-what-was-read"),
        (unknown(letters=[POLLER_LETTER]), "dead-letter-poller"),
        (unknown(letters=[letter(stage="poller", place=place("d", 1, at=EARLIER - timedelta(1)))]), "never-shown"),
        (unknown(connection=None), "not-connected"),
        (unknown(connection=connection(state="paused")), "paused"),
        (unknown(connection=connection(state="disconnected")), "disconnected"),
        (stored(connection=connection(state="disconnected")), "disconnected"),
        (stored(last_read=None, raw=raw(op="DELETE"), row=row(deleted_at=EARLIER)), "deleted"),
        (unknown(row=row(deleted_at=EARLIER)), "deleted"),  # its records are compacted away
        (
            stored(last_read=None, raw=raw(op="DELETE"), streams_next=5, canonical=canonical(version=9)),
            "streams-behind",
        ),
    ],
)
def test_explain_names_the_cause(found: Evidence, code: str) -> None:
    conclusion = explain(found).conclusion
    assert conclusion.code == code
    assert conclusion.cause
    assert conclusion.next_step.sentence


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "source-incomplete"])
@pytest.mark.parametrize("whether", [stored, unknown])
def test_explain_of_a_connection_with_a_fault_names_it_and_its_next_step(fault: str, whether: Any) -> None:
    found = explain(whether(connection=connection(fault=fault)))
    assert found.conclusion.code == fault
    assert found.conclusion.next_step.sentence
    assert next(step for step in found.steps if step.name == "connection").state == "stopped"


@pytest.mark.parametrize(
    ("found", "in_cause", "in_step"),
    [
        (of_status("waiting-for-job", "Job 7 has not been read.", job_id="7"), "Job 7", "explain c1 jobs 7"),
        (of_status("waiting-for-user", user_id="8"), "worker", "explain c1 users 8"),
        (of_status("waiting-for-cost-code", cost_code_title="x"), "cost code", "full-sync c1 --entity cost-codes"),
        (of_status("general"), "General", ""),
        (of_status("uncoded"), "no cost code", ""),
        (of_status("several-codes", "The shift names 2 cost codes."), "2 cost codes", ""),
        (of_status("ambiguous-code", "The title names the cost codes 1, 2."), "1, 2", ""),
    ],
)
def test_explain_of_a_link_status_says_what_settles_it(found: Evidence, in_cause: str, in_step: str) -> None:
    answer = explain(found)
    assert answer.conclusion.code == (found.row.link_status if found.row else "")
    assert in_cause in answer.conclusion.cause
    assert in_step in answer.conclusion.next_step.command
    assert answer.in_protiv


def test_explain_of_a_waiting_shift_whose_connection_has_a_fault_leads_to_the_fault() -> None:
    found = explain(stored(**UNLINKED, connection=connection(fault="wrong-credentials")))
    assert found.conclusion.code == "waiting-for-job"
    assert "connect c1" in found.conclusion.next_step.command


def test_explain_of_a_held_deletion_counts_those_that_wait_with_it() -> None:
    assert "30 others" in explain(stored(held=held(together=31))).conclusion.cause


def test_explain_tells_instants_in_the_companys_time() -> None:
    assert "2026-06-17 11:30 MDT" in explain(stored()).conclusion.cause


def test_explain_of_an_incomplete_read_says_what_was_missing_and_who_acts() -> None:
    conclusion = explain(stored(incomplete=SHORT)).conclusion
    assert "stated 450 time entries and showed 150" in conclusion.cause
    assert (conclusion.next_step.who, "full-sync c1" in conclusion.next_step.command) == (OPERATOR, True)


@pytest.mark.parametrize(("day", "as_of"), [(date(2026, 5, 12), "10:30 MDT"), (date(2026, 5, 13), "11:30 MDT")])
def test_explain_names_no_recent_read_for_a_shift_of_a_day_before_it(day: date, as_of: str) -> None:
    read = EntityRead(EARLIER, date(2026, 5, 13), EARLIER - timedelta(hours=1))
    last = LastRead(100, day, "r1", "recent", "completed", EARLIER, EARLIER)
    found = explain(stored(entity_read=read, last_read=last))
    assert as_of in found.conclusion.cause
    assert as_of in found.steps[1].sentence.rpartition("complete through")[2]


def test_explain_of_a_shift_that_no_read_covered_names_when_it_was_seen_last() -> None:
    read = EntityRead(EARLIER, date(2026, 5, 13), None)
    last = LastRead(100, date(2026, 5, 1), "r1", "recent", "completed", EARLIER, EARLIER)
    found = explain(stored(entity_read=read, last_read=last, row=row(observed_at=EARLIER - timedelta(hours=2))))
    assert "09:30 MDT" in found.conclusion.cause
    assert "complete through" not in found.steps[1].sentence


def test_explain_with_a_time_zone_that_is_none_tells_utc() -> None:
    assert "2026-06-17 17:30 UTC" in explain(stored(connection=connection(time_zone="Mars/Olympus"))).conclusion.cause


def test_explain_keeps_company_ids_safe_for_a_shell() -> None:
    found = explain(unknown(company_id="a b; rm", connection=None))
    assert "connect 'a b; rm' --time-zone" in found.conclusion.next_step.command


def test_steps_are_the_stages_in_their_order_with_places() -> None:
    steps = explain(stored(letters=[letter(offset=99, version=200)])).steps
    assert [step.name for step in steps] == ["connection", "read", "published", "linked", "stored", "dead letter"]
    assert "buildertrend.time-entries 2@10" in steps[2].sentence
    assert "protiv.time-entries 2@20" in steps[3].sentence
    assert "bad-time" in steps[5].sentence


@pytest.mark.parametrize(
    ("found", "states"),
    [
        (stored(), ("done", "done", "done", "done")),
        (stored(**UNLINKED), ("done", "done", "waiting", "done")),
        (stored(streams_next=10, canonical=None, row=None), ("done", "done", "waiting", "nothing")),
        (stored(sink_next=20, row=None), ("done", "done", "done", "waiting")),
        (stored(canonical=None, row=None), ("done", "done", "stopped", "nothing")),
        (stored(row=None), ("done", "done", "done", "stopped")),
        (unknown(), ("nothing", "nothing", "nothing", "nothing")),
        (stored(held=held()), ("stopped", "done", "done", "done")),
    ],
)
def test_steps_say_how_far_it_came(found: Evidence, states: tuple[str, ...]) -> None:
    assert tuple(step.state for step in explain(found).steps[1:5]) == states


def test_hours_that_differ_are_said_with_both_sides() -> None:
    found = explain(stored(raw=raw(minutes=(485, 0, None)), canonical=canonical(minutes=(450, 0, None)))).conclusion
    assert "Buildertrend states 8:05 regular and 0:00 overtime hours" in found.cause
    assert "the canonical record 7:30 regular" in found.cause
    assert found.next_step.command is not None
    assert "--repair" in found.next_step.command
