"""A connection in words: one state, one notice, and what may be pressed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from console.views.card import STATES, card_of, state_of
from tests.unit.console.factories import NOW, facts, going, held, link, minutes, run, snapshot, waiting


def test_card_of_a_company_that_nobody_connected() -> None:
    card = card_of(replace(snapshot(), link=None), NOW)
    assert (card.state, card.notice, card.attention, card.may_sync) == ("not-connected", None, (), False)


@pytest.mark.parametrize("state", sorted(set(STATES) - {"not-connected", "syncing"}))
def test_card_has_the_state_of_its_connection(state: str) -> None:
    card = card_of(snapshot(link(state=state)), NOW)
    assert card.state == state
    assert card.may_sync == (state == "connected")
    assert card.look == STATES[state]


def test_card_in_a_run_is_syncing_and_its_next_sync_is_now() -> None:
    card = card_of(going(), NOW)
    assert (card.state, card.next_words, card.next_sync, card.is_busy) == ("syncing", "Running now", None, True)


def test_card_of_a_first_sign_in_is_connecting_also_in_its_run() -> None:
    now = going()
    assert now.link is not None
    assert state_of(replace(now, link=replace(now.link, state="connecting"))) == "connecting"


def test_card_of_a_run_that_nobody_works_on_is_interrupted_and_not_syncing() -> None:
    lost = snapshot(link(leased=False), runs=(run(state="running", finished_at=None),))
    card = card_of(lost, NOW)
    assert card.state == "connected"
    assert card.notice is not None
    assert card.notice.title == "The sync was interrupted"


def test_card_of_a_reader_that_is_silent_says_for_how_long() -> None:
    now = going()
    assert now.link is not None
    quiet = replace(now, link=replace(now.link, heard_at=NOW - timedelta(seconds=25)))
    notice = card_of(quiet, NOW).notice
    assert notice is not None
    assert notice.title == "The sync has not reported for 25 s"
    assert card_of(now, NOW).notice is None


def test_card_of_wrong_credentials_says_the_pollers_sentence_and_offers_to_reconnect() -> None:
    notice = card_of(snapshot(link(state="needs-attention", fault="wrong-credentials", message="Check.")), NOW).notice
    assert notice is not None
    assert (notice.level, notice.text, notice.action, notice.reference) == ("bad", "Check.", "reconnect", "")


@pytest.mark.parametrize("fault", ["blocked-by-buildertrend", "source-changed"])
def test_card_of_a_bug_of_buildertrend_gives_a_reference_and_nothing_to_press(fault: str) -> None:
    notice = card_of(snapshot(link(state="needs-attention", fault=fault)), NOW).notice
    assert notice is not None
    assert (notice.reference, notice.action) == ("5B0F9A9E", "")
    assert "Protiv support" in notice.to_do


def test_card_of_another_account_names_both() -> None:
    other = link(state="needs-attention", pending_builder_id="2", pending_builder_name="Harbor")
    notice = card_of(snapshot(other), NOW).notice
    assert notice is not None
    assert "Harbor" in notice.text
    assert "Acme Homes" in notice.text
    assert notice.action == "confirm-account"


def test_card_of_a_pause_says_who_when_and_why() -> None:
    paused = link(
        state="paused", paused_by="console:dana@acme.example", paused_reason="Holidays", paused_at=NOW - minutes(5)
    )
    notice = card_of(snapshot(paused), NOW).notice
    assert notice is not None
    assert "by dana@acme.example 5 min ago" in notice.text
    assert "Reason: Holidays." in notice.text


def test_card_of_a_fault_that_goes_away_says_when_it_is_tried_again() -> None:
    notice = card_of(snapshot(link(fault="source-unavailable", next_due_at=NOW + minutes(5))), NOW).notice
    assert notice is not None
    assert (notice.level, notice.to_do) == ("warn", "It is tried again in 5 min.")


def test_card_that_is_late_says_so_once_it_is_for_two_minutes() -> None:
    assert card_of(snapshot(link(next_due_at=NOW - minutes(2))), NOW).notice is None
    notice = card_of(snapshot(link(next_due_at=NOW - minutes(3))), NOW).notice
    assert notice is not None
    assert notice.title == "The next sync is late"


@pytest.mark.parametrize(
    ("stored", "published", "level"), [(0, 0, "none"), (60, 60, "done"), (59, 60, "moving"), (61, 60, "moving")]
)
def test_tile_says_whether_all_that_was_read_is_stored(stored: int, published: int, level: str) -> None:
    jobs = replace(facts().entities["jobs"], stored=stored, published=published)
    tile = card_of(snapshot(facts=facts(entities={"jobs": jobs})), NOW).tiles[0]
    assert (tile.entity, tile.stored, tile.level) == ("jobs", stored, level)
    assert tile.fresh is not None
    assert tile.fresh.relative == "12 min ago"


def test_card_puts_held_deletions_in_front_of_waiting_shifts() -> None:
    card = card_of(snapshot(held=(held(),), waiting=(waiting(),)), NOW)
    assert [item.is_held for item in card.attention] == [True, False]


def test_card_of_a_first_sync_does_not_complain_of_parents_that_are_still_to_come() -> None:
    groups = (waiting(), waiting(link_status="uncoded", subject=None))
    first = card_of(snapshot(link(initial_done_at=None), waiting=groups), NOW)
    assert [item.query["status"] for item in first.attention] == ["uncoded"]
    assert len(card_of(snapshot(waiting=groups), NOW).attention) == 2


def test_card_without_a_permission_needs_attention_says_whose_and_can_be_tried_again() -> None:
    card = card_of(snapshot(link(fault="no-permission", message="This user may not see the Time Clock.")), NOW)
    assert (card.state, card.may_sync) == ("needs-attention", True)
    assert card.notice is not None
    assert (card.notice.level, card.notice.text) == ("bad", "This user may not see the Time Clock.")
    assert "administrator" in card.notice.to_do
    assert not card.is_calm


def test_card_tells_for_a_day_that_a_reconnect_was_refused_and_names_nobody() -> None:
    back = link(refused_username="typo@x", refused_fault="wrong-credentials", refused_message="No.", refused_at=NOW)
    card = card_of(snapshot(back), NOW)
    assert card.notice is not None
    assert (card.state, card.notice.action) == ("connected", "reconnect")
    assert "typo" not in card.notice.text
    old = link(refused_fault="wrong-credentials", refused_message="No.", refused_at=NOW - timedelta(days=2))
    assert card_of(snapshot(old), NOW).notice is None
