"""What stayed behind in topics and tables is deleted anew, if two complete looks at Buildertrend do not show it."""

from __future__ import annotations

from datetime import date

from control.left_overs import LeftOver, ask_for_deletion
from tests.integration.producers.fix_runs import Desk

SHIFTS = "time-entries"


def ask(desk: Desk, *entity_ids: str) -> int:
    found = [LeftOver(entity_id, 5, date(2026, 6, 1), None) for entity_id in entity_ids]
    with desk.database.transaction() as tx:
        return ask_for_deletion(tx, desk.company_id, SHIFTS, found)


def test_left_over_that_buildertrend_does_not_have_is_deleted_anew(read_desk: Desk) -> None:
    live, since = read_desk.state_ids(SHIFTS), read_desk.mark()
    assert ask(read_desk, "999999999", min(live)) == 1
    read_desk.run_full()
    (deletion,) = read_desk.changes(SHIFTS, since=since)
    assert (deletion["op"], deletion["entity_id"], deletion["version"] > 5) == ("DELETE", "999999999", True)
    assert [message.value for message in read_desk.publisher.messages[since:]][1:] == [None]
    assert read_desk.state_ids(SHIFTS) == live


def test_left_over_that_buildertrend_shows_is_published_and_not_deleted(read_desk: Desk) -> None:
    live, since = read_desk.state_ids(SHIFTS), read_desk.mark()
    kept = min(live)
    read_desk.sql(
        "DELETE FROM integration.source_state WHERE company_id = %s AND entity = 'time-entries' "
        f"AND entity_id = '{int(kept)}'"
    )
    assert ask(read_desk, kept) == 1
    read_desk.run_full()
    assert [(one["op"], one["entity_id"]) for one in read_desk.changes(SHIFTS, since=since)] == [("UPDATE", kept)]
    assert read_desk.state_ids(SHIFTS) == live


def test_left_overs_beyond_the_brake_are_held(read_desk: Desk) -> None:
    live, since = read_desk.state_ids(SHIFTS), read_desk.mark()
    asked = [str(900_000_000 + n) for n in range(len(live) // 5 + 21)]
    assert ask(read_desk, *asked) == len(asked)
    read_desk.run_full()
    assert read_desk.changes(SHIFTS, since=since) == []
    held = read_desk.sql("SELECT entity_id FROM integration.held_deletions WHERE company_id = %s")
    assert {row["entity_id"] for row in held} == set(asked)
