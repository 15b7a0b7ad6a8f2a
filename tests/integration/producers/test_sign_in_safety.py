"""No account is locked out because of us: attempts are counted before they are sent, and end where one is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from producers.sync_events import SyncEvent
from tests.integration.producers.fix_runs import Desk

LOGIN = "/api/Login/AjaxLogin"


def sign_ins(desk: Desk) -> dict[str, int]:
    counted: dict[str, int] = desk.sandbox.counters()["sign_ins"]
    return {name: counted[name] for name in ("successful", "failed")}


def fault_of(events: list[SyncEvent]) -> str | None:
    return events[-1].fault


def attempts_sent(desk: Desk) -> int:
    return sum(request.url.path == LOGIN for request in desk.source.requests)


def connection_column(desk: Desk, name: str) -> Any:
    (row,) = desk.sql(f"SELECT {name} FROM integration.connections WHERE company_id = %s")
    return row[name]


class AnswersLost(httpx.BaseTransport):
    """Carries requests on and loses the answers to sign-ins: nobody knows whether they were counted."""

    def __init__(self, carried_by: httpx.BaseTransport) -> None:
        self._carried_by = carried_by
        self.lost = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._carried_by.handle_request(request)
        if request.url.path == LOGIN:
            self.lost += 1
            raise httpx.ReadTimeout("lost", request=request)
        return answer


def test_wrong_password_costs_one_attempt_however_often_the_connection_is_due(desk: Desk) -> None:
    desk.sandbox.set_switches(lock_after=3)
    desk.connect(password="not it")
    assert fault_of(desk.run()) == "wrong-credentials"
    for _ in range(5):
        desk.command()
        assert fault_of(desk.run()) == "wrong-credentials"
    assert sign_ins(desk) == {"successful": 0, "failed": 1}
    desk.connect()
    assert desk.run()[-1].type == "completed"


def test_wrong_password_with_spaces_costs_two_attempts(desk: Desk) -> None:
    desk.connect(password=" not it ")
    assert fault_of(desk.run()) == "wrong-credentials"
    desk.command()
    desk.run()
    assert sign_ins(desk) == {"successful": 0, "failed": 2}


def test_password_that_is_right_without_its_spaces_is_kept_so_and_said(desk: Desk) -> None:
    desk.connect(password=f"  {desk.sandbox.company['password']} ")
    assert desk.run()[-1].type == "completed"
    assert sign_ins(desk) == {"successful": 1, "failed": 1}
    assert "without the spaces" in connection_column(desk, "hint")
    desk.sandbox.end_sessions()
    assert desk.run()[-1].type == "completed"
    assert sign_ins(desk) == {"successful": 2, "failed": 1}


def test_other_credentials_forget_the_hint(desk: Desk) -> None:
    desk.connect(password=f"{desk.sandbox.company['password']} ")
    desk.run()
    desk.connect()
    assert connection_column(desk, "hint") is None


def test_reconnect_with_a_typo_goes_on_with_the_password_and_session_from_before(desk: Desk) -> None:
    desk.connect()
    assert desk.run()[-1].type == "completed"
    for typo in ("not it", "not it either"):
        desk.connect(password=typo, username=desk.sandbox.company["username"], time_zone="America/New_York")
        assert fault_of(desk.run()) == "wrong-credentials"
        assert connection_column(desk, "state") == "connected"
        assert connection_column(desk, "refused_fault") == "wrong-credentials"
        assert connection_column(desk, "time_zone") == desk.sandbox.company["time_zone"]
        assert desk.run()[-1].type == "completed"
    assert sign_ins(desk) == {"successful": 1, "failed": 2}
    desk.sandbox.end_sessions()
    desk.command()
    assert desk.run()[-1].type == "completed"
    assert sign_ins(desk) == {"successful": 2, "failed": 2}


def test_two_typos_in_a_row_still_go_back_to_what_worked(desk: Desk) -> None:
    desk.connect()
    desk.run()
    desk.connect(password="never tried")
    desk.connect(password="not it")
    assert fault_of(desk.run()) == "wrong-credentials"
    assert connection_column(desk, "state") == "connected"
    assert desk.run()[-1].type == "completed"


def test_password_that_was_refused_itself_is_nothing_to_go_back_to(desk: Desk) -> None:
    desk.connect(password="not it")
    desk.run()
    desk.connect(password="nor this")
    assert fault_of(desk.run()) == "wrong-credentials"
    assert connection_column(desk, "state") == "needs-attention"


def test_new_credentials_that_are_in_end_those_from_before(desk: Desk) -> None:
    desk.connect()
    desk.run()
    desk.connect()
    assert desk.run()[-1].type == "completed"
    kinds = desk.sql("SELECT kind FROM integration.credentials WHERE company_id = %s ORDER BY kind")
    assert [row["kind"] for row in kinds] == ["password", "session"]
    assert connection_column(desk, "previous_username") is None


def test_permission_that_is_missing_is_named_by_its_module(desk: Desk) -> None:
    desk.sandbox.set_switches(time_clock_endpoint="no-permission")
    desk.connect()
    assert fault_of(desk.run()) == "no-permission"
    assert connection_column(desk, "message") == "This Buildertrend user may not see the Time Clock."


def test_refusal_is_kept_before_anything_else_so_that_a_crash_does_not_repeat_it(desk: Desk) -> None:
    desk.connect(password="not it")
    desk.events.refused_type = "failed"
    desk.run()
    assert connection_column(desk, "state") == "needs-attention"
    desk.events.refused_type = None
    desk.sql("UPDATE integration.connections SET lease_expires_at = '-infinity' WHERE company_id = %s")
    desk.command()
    assert fault_of(desk.run()) == "wrong-credentials"
    assert sign_ins(desk)["failed"] == 1


def test_sign_ins_whose_answers_are_lost_are_further_and_further_apart(desk: Desk) -> None:
    losing = AnswersLost(desk.source)
    desk.source = losing  # type: ignore[assignment] # carries requests all the same
    pauses_s = (300, 600, 1200)
    for number, pause_s in enumerate(pauses_s, start=1):
        assert fault_of(desk.run()) == "source-unavailable"
        assert fault_of(desk.run()) == "source-unavailable"
        assert losing.lost == number
        assert connection_column(desk, "sign_ins_unanswered") == number
        move_begin_back(desk, pause_s - 5)
        desk.run()
        assert losing.lost == number
        move_begin_back(desk, 6)
    desk.run()
    assert losing.lost == len(pauses_s) + 1


def move_begin_back(desk: Desk, seconds: int) -> None:
    """As if that much time had passed: the database's clock decides."""
    desk.sql(
        f"UPDATE integration.connections SET sign_in_begun_at = sign_in_begun_at - interval '{seconds} seconds' "
        "WHERE company_id = %s"
    )


def test_sign_in_that_is_answered_again_counts_anew(desk: Desk) -> None:
    desk.sql("UPDATE integration.connections SET sign_ins_unanswered = 4 WHERE company_id = %s")
    desk.sql("UPDATE integration.connections SET sign_in_begun_at = now() - interval '1 day' WHERE company_id = %s")
    assert desk.run()[-1].type == "completed"
    assert connection_column(desk, "sign_ins_unanswered") == 0


def test_sign_in_that_the_source_did_not_take_counts_for_nothing(desk: Desk) -> None:
    desk.sandbox.set_switches(fail_next=[{"path_contains": LOGIN, "status": 503, "times": 99}])
    assert fault_of(desk.run()) == "source-unavailable"
    assert connection_column(desk, "sign_ins_unanswered") == 0


@pytest.mark.parametrize("way", ["phone", "grant"])
def test_locked_account_is_named_and_left_alone(desk: Desk, way: str) -> None:
    desk.sandbox.set_switches(account="locked")
    if way == "grant":
        desk.sandbox.set_switches(fail_next=[{"path_contains": LOGIN, "status": 404, "times": 99}])
    assert fault_of(desk.run()) == "blocked-by-buildertrend"
    assert "locked" in connection_column(desk, "message")
    before = len(desk.source.requests)
    desk.command()
    desk.run()
    assert len(desk.source.requests) == before


def test_too_many_requests_to_a_sign_in_are_not_answered_with_another(desk: Desk) -> None:
    rule = {"path_contains": LOGIN, "status": 429, "times": 99, "retry_after": 20}
    desk.sandbox.set_switches(fail_next=[rule])
    assert fault_of(desk.run()) == "rate-limited"
    assert attempts_sent(desk) == 1


@pytest.mark.parametrize("signal", ["relogin", "401", "302", "html"])
def test_session_that_ends_every_few_calls_is_renewed_and_the_read_goes_on(desk: Desk, signal: str) -> None:
    desk.sandbox.set_switches(session_calls=4, session_end_signal=signal)
    assert desk.run()[-1].type == "completed"
    assert set(desk.folded("time-entries")) == {str(row["id"]) for row in desk.sandbox.listed("shifts", limit=1000)}


def test_session_that_ends_at_every_call_is_no_way_to_read(desk: Desk) -> None:
    desk.sandbox.set_switches(session_calls=1)
    assert fault_of(desk.run()) == "session-expired"
    assert attempts_sent(desk) <= 4


def test_cookies_that_answers_renew_are_stored_and_no_sign_in_follows_when_the_old_ones_end(desk: Desk) -> None:
    desk.sandbox.set_switches(cookie_renewal_calls=3, cookie_grace_calls=1)
    for _ in range(3):
        assert [event.type for event in desk.run() if event.type in {"completed", "failed"}] == ["completed"]
    assert desk.sandbox.counters()["sign_ins"] == {"successful": 1, "failed": 0}
