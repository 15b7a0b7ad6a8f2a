"""What needs attention: nothing is hidden, nothing is claimed that is not known, what comes by itself is no alarm."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from console.reading.company import OpenShifts, RefusedFacts, RefusedGroup, Snapshot, StaleShifts
from console.views.attention import MOST_SHOWN
from console.views.card import Card, card_of
from reports.company_status import EntityFacts
from tests.unit.console.factories import NOW, facts, held, link, minutes, snapshot, waiting


def card(**changes: Any) -> Card:
    return card_of(snapshot(**changes), NOW)


def with_entity(name: str, **changes: Any) -> Any:
    whole = facts()
    return replace(whole, entities={**whole.entities, name: replace(whole.entities[name], **changes)})


def test_attention_of_a_company_that_is_well_is_calm() -> None:
    assert card().is_calm
    assert card().attention == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"open_shifts": OpenShifts(1, NOW - timedelta(days=3))},
        {"stale_shifts": StaleShifts(1, 480)},
        {"refused": RefusedFacts((RefusedGroup("time-entries", 1, 480),))},
        {"refused": RefusedFacts(more=1)},
        {"refused": None},
        {"held": (held(),)},
        {"held": (held(released=True),)},
        {"waiting": (waiting(),)},
        {"facts": with_entity("time-entries", complete_through=NOW - timedelta(hours=4))},
        {"facts": with_entity("users", complete_through=None)},
        {"facts": with_entity("jobs", stored=59)},
        {"connection": link(fault="source-unavailable")},
        {"connection": link(next_due_at=NOW - minutes(3))},
    ],
)
def test_attention_is_never_calm_beside_anything_that_is_not_well(changes: dict[str, Any]) -> None:
    connection = changes.pop("connection", None)
    assert not card_of(snapshot(connection, **changes), NOW).is_calm


def test_attention_without_kafka_says_that_refused_records_are_not_known() -> None:
    assert "not known" in card(refused=None).needs.unknown
    assert card(refused=None, held=(held(),)).needs.unknown == ""


def test_attention_names_shifts_that_are_clocked_in_for_days_and_leads_to_them() -> None:
    (item,) = card(open_shifts=OpenShifts(2, NOW - timedelta(days=3))).attention
    assert item.sentence == (
        "2 shifts have had no end for more than 16 hours, the longest since Jun 14, 2026, 12:00 PM MDT"
    )
    assert item.query == {"status": "open"}


def test_attention_counts_shifts_whose_update_was_refused_and_leads_to_them() -> None:
    (item,) = card(stale_shifts=StaleShifts(1, 750)).attention
    assert (item.hours, item.sentence) == ("12.5 h", "1 shift is stored as it was before an update that was refused")
    assert item.query == {"status": "stale"}


def test_attention_counts_refused_records_with_their_hours() -> None:
    groups = (RefusedGroup("time-entries", 2, 750), RefusedGroup("jobs", 1, 0))
    items = card(refused=RefusedFacts(groups, more=3)).attention
    assert [(item.hours, item.sentence) for item in items] == [
        ("12.5 h", "2 time entries were refused and are not in Protiv as in Buildertrend"),
        ("", "1 job was refused and is not in Protiv as in Buildertrend"),
        ("", "3 records were refused"),
    ]
    assert all(item.is_refused for item in items)


def test_attention_names_the_kinds_that_are_late_in_one_line() -> None:
    whole = facts()
    late = EntityFacts(complete_through=NOW - timedelta(hours=5))
    entities = {**whole.entities, "jobs": late, "users": late, "budgets": EntityFacts()}
    told = [item.sentence for item in card(facts=replace(whole, entities=entities)).attention]
    assert told == [
        "Budgets were never read completely",
        "Jobs and users are known to be complete only as of Jun 17, 2026, 7:00 AM MDT",
    ]


def test_budgets_are_late_by_the_interval_of_full_reads_that_is_set() -> None:
    whole = facts()
    budgets = EntityFacts(complete_through=NOW - timedelta(days=4), published=1, stored=1)
    entities = {**whole.entities, "budgets": budgets}
    known = replace(whole, entities=entities)
    assert [item.sentence for item in card(facts=known).attention] == [
        "Budgets are known to be complete only as of Jun 13, 2026, 12:00 PM MDT"
    ]
    assert not card(facts=known, full_sync_interval_s=7 * 86_400.0).attention


def test_attention_says_how_much_is_beyond_the_groups_that_it_shows() -> None:
    shown = [waiting(subject=f"job {number}") for number in range(MOST_SHOWN + 2)]
    rest = waiting(subject=None, groups=30, shifts=40, minutes=600)
    items = card(waiting=(*shown, rest)).attention
    assert len(items) == MOST_SHOWN + 1
    assert f"{items[-1].hours} {items[-1].sentence}" == ("35 h on 46 more shifts are not linked, for 32 other reasons")
    assert items[-1].query == {"status": ""}


def waits_for_codes(**changes: Any) -> Snapshot:
    groups = (waiting(link_status="waiting-for-cost-code", subject="01.02", stored_at=NOW - minutes(5)),)
    return snapshot(**({"waiting": groups} | changes))


def test_attention_raises_no_alarm_while_the_codes_of_a_first_sync_are_being_stored() -> None:
    storing = waits_for_codes(facts=with_entity("cost-codes", stored=30), stored_at=NOW - timedelta(seconds=3))
    assert card_of(storing, NOW).attention == ()
    assert not card_of(storing, NOW).is_calm
    stuck = replace(storing, stored_at=NOW - minutes(3))
    assert len(card_of(stuck, NOW).attention) == 1


def test_attention_raises_no_alarm_of_shifts_that_were_stored_a_moment_ago() -> None:
    new = waiting(stored_at=NOW - timedelta(seconds=5))
    assert card(waiting=(new,)).attention == ()
    uncoded = waiting(link_status="uncoded", subject=None, stored_at=NOW - timedelta(seconds=5))
    assert len(card(waiting=(uncoded,)).attention) == 1


def test_attention_behind_a_first_sync_waits_until_nothing_is_stored_any_more() -> None:
    linking = waits_for_codes(stored_at=NOW - timedelta(seconds=10))
    fresh = replace(linking, link=link(initial_done_at=NOW - minutes(5)))
    assert card_of(fresh, NOW).attention == ()
    assert len(card_of(linking, NOW).attention) == 1
