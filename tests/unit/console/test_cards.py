"""What a card says of a company."""

from __future__ import annotations

import shlex

import pytest

from console.cards import card, summary
from tests.unit.console.factories import COUNTS, NOW, make_company, make_run, minutes


def test_card_of_a_connected_company_has_no_notice() -> None:
    shown = card(make_company(), NOW)
    assert shown.notice is None
    assert (shown.state, shown.state_name) == ("connected", "Connected")
    assert (shown.title, shown.company_id) == ("Acme Homes", "acme")


def test_card_without_account_name_is_titled_by_company_id() -> None:
    assert card(make_company(builder_name=None), NOW).title == "acme"


def test_card_that_needs_attention_has_reason_message_and_what_to_do() -> None:
    notice = card(make_company(state="needs-attention", fault="mfa-required", message="Second factor."), NOW).notice
    assert notice is not None
    assert (notice.level, notice.title, notice.text) == ("bad", "Second factor required", "Second factor.")
    assert notice.command == "protiv-buildertrend connect acme --time-zone America/Denver"


def test_card_quotes_a_company_id_for_the_shell() -> None:
    hostile = "$(reboot); 'x' & y"
    notice = card(make_company(company_id=hostile, state="disconnected"), NOW).notice
    assert notice is not None
    assert shlex.split(notice.command) == [
        *("protiv-buildertrend", "connect", hostile),
        *("--time-zone", "America/Denver"),
    ]


@pytest.mark.parametrize("fault", ["rate-limited", "no-permission"])
def test_card_of_a_failed_run_says_when_it_is_tried_again(fault: str) -> None:
    notice = card(make_company(fault=fault, message="It goes on.", next_due_at=NOW + minutes(4)), NOW).notice
    assert notice is not None
    assert notice.level == "warn"
    assert notice.to_do.endswith("It is tried again in 4 min.")
    assert not notice.command


def test_card_of_a_late_company_names_the_poller() -> None:
    notice = card(make_company(next_due_at=NOW - minutes(40)), NOW).notice
    assert notice is not None
    assert notice.text == "It was due 40 min ago and no poller has begun it."
    assert notice.command == "protiv-buildertrend poller"


def test_card_tells_next_sync_relative_and_absolute() -> None:
    shown = card(make_company(), NOW)
    assert shown.next_sync_words == "In 1 h 48 min"
    assert shown.next_sync is not None
    assert shown.next_sync.absolute == "Jun 17, 2026, 1:48 PM MDT"


@pytest.mark.parametrize(
    ("state", "due_min", "words"),
    [("paused", 5, "None planned"), ("connected", -1, "Due now"), ("connecting", 0.5, "In less than a minute")],
)
def test_card_tells_next_sync_by_state(state: str, due_min: float, words: str) -> None:
    assert card(make_company(state=state, next_due_at=NOW + minutes(due_min)), NOW).next_sync_words == words


def test_card_of_a_running_sync_shows_what_was_read_so_far() -> None:
    run = make_run(state="running", finished_at=None)
    shown = card(make_company(runs=(run,), leased=True), NOW)
    assert shown.progress is not None
    assert shown.progress.title == "Recent changes running for 2 min 0 s"
    assert shown.progress.entities == (("Time entries", 1250),)
    assert (shown.next_sync, shown.next_sync_words) == (None, "Running now")
    assert shown.history[0].state == "running"


def test_card_of_a_run_without_a_poller_calls_it_interrupted() -> None:
    line = card(make_company(runs=(make_run(state="running", finished_at=None),)), NOW).history[0]
    assert (line.state_name, line.duration) == ("Interrupted", "unknown")


def test_card_history_has_kind_counts_duration_and_fault() -> None:
    run = make_run(read="full", state="failed", fault="source-changed", message="no field jobId")
    line = card(make_company(runs=(run,)), NOW).history[0]
    assert (line.read_name, line.state_name, line.duration) == ("Full sync", "Failed", "1 min 0 s")
    assert (line.records, line.changes) == ("1,250 read", "12 created, 3 updated, 1 deleted")
    assert (line.reason, line.message) == ("Buildertrend changed something", "no field jobId")


def test_card_history_of_a_run_that_counted_nothing_has_no_changes() -> None:
    line = card(make_company(runs=(make_run(counts={}),)), NOW).history[0]
    assert (line.records, line.changes) == ("0 read", "no changes")


@pytest.mark.parametrize(
    ("published", "stored", "level", "detail"),
    [
        (0, 0, "done", "none yet"),
        (5, 5, "done", "5 in Protiv"),
        (1200, 1100, "moving", "1,100 in Protiv"),
        (5, 7, "moving", "7 in Protiv"),
    ],
)
def test_card_tile_compares_published_with_stored(published: int, stored: int, level: str, detail: str) -> None:
    company = make_company(published={"jobs": published}, stored={"jobs": stored})
    tile = card(company, NOW).tiles[0]
    assert (tile.name, tile.published, tile.level, tile.detail) == ("Jobs", published, level, detail)


def test_card_tile_says_that_schema_protiv_cannot_be_read() -> None:
    tiles = card(make_company(stored=None), NOW).tiles
    assert [tile.published for tile in tiles] == list(COUNTS.values())
    assert {tile.level for tile in tiles} == {"unknown"}


def test_card_keys_differ_for_ids_that_look_alike() -> None:
    keys = {card(make_company(company_id=one), NOW).key for one in ("a b", "a-b", "a_b", "A-b", "ä")}
    assert len(keys) == 5


@pytest.mark.parametrize(
    ("total", "attention", "told"),
    [
        (0, 0, "No company is connected yet"),
        (1, 0, "1 company"),
        (2, 1, "2 companies, 1 in need of attention"),
    ],
)
def test_summary_counts_companies(total: int, attention: int, told: str) -> None:
    assert summary(total, attention) == told
