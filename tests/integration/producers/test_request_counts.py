"""The requests of a company's day are stored by read and kind, whatever became of the run."""

from __future__ import annotations

from collections import Counter

from producers.buildertrend.request_kinds import kind_of
from tests.integration.producers.fix_runs import Desk


def stored(desk: Desk) -> Counter[tuple[str, str]]:
    rows = desk.sql("SELECT read, kind, requests FROM integration.requests WHERE company_id = %s")
    return Counter({(row["read"], row["kind"]): row["requests"] for row in rows})


def test_every_request_of_a_first_read_is_counted_once_with_the_sign_in_apart(desk: Desk) -> None:
    desk.run()
    sent = Counter(kind_of(request) for request in desk.source.requests)
    counts = stored(desk)
    assert counts.total() == len(desk.source.requests)
    assert {kind: counts["initial", kind] for kind in sent if kind != "sign-in"} == {
        kind: count for kind, count in sent.items() if kind != "sign-in"
    }
    assert counts["sign-in", "sign-in"] == sent["sign-in"] > 0


def test_requests_of_a_run_that_fails_are_counted_and_add_to_the_days_others(read_desk: Desk) -> None:
    before, sent = stored(read_desk), len(read_desk.source.requests)
    read_desk.sandbox.set_switches(time_clock_endpoint="no-permission")
    read_desk.run()
    assert stored(read_desk).total() - before.total() == len(read_desk.source.requests) - sent > 0


def test_requests_are_those_of_the_companys_local_day(desk: Desk) -> None:
    desk.run()
    (row,) = desk.sql("SELECT DISTINCT day FROM integration.requests WHERE company_id = %s")
    assert str(row["day"]) == "2026-06-17"
    desk.clock.move(12 * 3600 + 1)
    desk.run()
    days = desk.sql("SELECT DISTINCT day FROM integration.requests WHERE company_id = %s ORDER BY day")
    assert [str(row["day"]) for row in days] == ["2026-06-17", "2026-06-18"]
