"""Answers that nobody expects: a named fault that is answered, ever further apart, and no sign-in at once again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from control.connections import Lease
from core.errors import ConfigurationError, FatalError, RetriableError
from producers.buildertrend.account import Account
from producers.connection_work import work_on
from producers.runs.outcome import OUTAGE_SHOWN_AFTER_S
from producers.sync_events import SyncEvent
from sandbox.client import SandboxControl
from tests.fix_source import CompanyMaker
from tests.integration.producers.fix_runs import Desk, DeskMaker
from tests.other_company import OtherCompany

LOGIN = "/api/Login/AjaxLogin"
DEEP = b'{"success":true,"data":' + b"[" * 5000 + b"]" * 5000 + b"}"
Answering = Callable[[httpx.Response], httpx.Response]


class Odd(httpx.BaseTransport):
    """Carries requests on, and changes the answers of one path while it is switched on."""

    def __init__(self, desk: Desk, path: str, change: Answering) -> None:
        self._carried_by = desk.source
        self._path = path
        self._change = change
        self.on = True
        self.seen: list[httpx.Request] = []
        desk.source = self  # type: ignore[assignment] # carries requests all the same

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self._carried_by.handle_request(request)
        return self._change(answer) if self.on and request.url.path == self._path else answer

    @property
    def sign_ins(self) -> int:
        return sum(request.url.path == LOGIN for request in self.seen)


def instead(status: int = 200, content: bytes = b"", **headers: str) -> Answering:
    return lambda _: httpx.Response(
        status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def row(desk: Desk) -> dict[str, Any]:
    (found,) = desk.sql(
        "SELECT state, fault, message, failures, extract(epoch FROM next_due_at - %s::timestamptz)::float8 AS due_s,"
        " lease_expires_at > now() + interval '30 seconds' AS held_back FROM integration.connections"
        " WHERE company_id = %s".replace("%s::timestamptz", f"'{desk.clock.now().isoformat()}'::timestamptz")
    )
    return dict(found)


@pytest.fixture
def two(new_desk: DeskMaker, new_company: CompanyMaker) -> tuple[Desk, Desk]:
    """Two companies of one poller: a hostile source of one is nothing to the other."""
    made = new_desk(new_company()), new_desk(new_company(jobs=3, shifts=20))
    for desk in made:
        desk.connect()
    return made


GLOBAL_INFO, GRID, PICKER = "/api/AccountInfo/GlobalInfo", "/api/TimeClock/Grid", "/api/jobpicker/GetJobPickerData"
HOSTILE: list[tuple[str, str, Answering, str]] = [
    ("deep account", GLOBAL_INFO, instead(content=DEEP), "source-changed"),
    ("deep grid", GRID, instead(content=DEEP), "source-changed"),
    ("deep jobs", PICKER, instead(content=DEEP), "source-changed"),
    ("far retry", GRID, instead(429, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"), "rate-limited"),
    ("odd retry", GRID, instead(503, Retry_After="Fri, 31 Dec 99999 23:59:59 +99999999999999"), "source-unavailable"),
    ("maintenance", GRID, instead(302, Location="/maintenance.html"), "source-unavailable"),
    ("packed twice", GRID, instead(content=b"x", Content_Encoding="gzip, gzip"), "source-changed"),
    (
        "records beyond numbers",
        GRID,
        instead(content=b'{"success":true,"data":{"data":[],"records":1e30,"totalPages":1e30}}'),
        "source-incomplete",
    ),
]


@pytest.mark.parametrize(("path", "change", "fault"), [one[1:] for one in HOSTILE], ids=[one[0] for one in HOSTILE])
def test_hostile_answer_is_a_named_fault_that_is_answered_and_the_other_company_flows(
    two: tuple[Desk, Desk], other_company: OtherCompany, path: str, change: Answering, fault: str
) -> None:
    desk, other = two
    odd = Odd(desk, path, change)
    command_id = desk.command()
    ended = turn(desk)[-1]
    assert (ended.type, ended.fault, ended.command_id) == ("failed", fault, command_id)
    assert row(desk)["fault"] == fault
    assert 60 <= row(desk)["due_s"] <= 86_400
    with other_company.is_served():
        assert turn(other)[-1].type == "completed"
    odd.on = False
    assert turn(desk)[-1].type == "completed"
    assert odd.sign_ins == 1


def test_sign_in_with_an_answer_that_is_not_understood_is_not_repeated_at_once(two: tuple[Desk, Desk]) -> None:
    for change in (instead(content=DEEP), instead(content=b'{"success":true,"data":{"Token":"tok\\u20acn"}}')):
        desk, other = two
        desk.connect()
        odd = Odd(desk, LOGIN, change)
        for _ in range(4):
            desk.command()
            assert turn(desk)[-1].fault in ("source-changed", "source-unavailable")
        assert odd.sign_ins == 1
        assert turn(other)[-1].type == "completed"
        odd.on = False
        desk.sql(
            "UPDATE integration.connections SET sign_in_begun_at = sign_in_begun_at - interval '301 seconds' "
            "WHERE company_id = %s"
        )
        assert turn(desk)[-1].type == "completed"
        desk.source = odd._carried_by


def test_maintenance_redirect_in_a_sign_in_is_retried_without_the_password_until_it_is_over(desk: Desk) -> None:
    away = instead(302, Location="/maintenance.html")
    odd, front = Odd(desk, LOGIN, away), Odd(desk, "/app/Landing", away)
    assert turn(desk)[-1].fault == "source-unavailable"
    for _ in range(3):
        desk.sql("UPDATE integration.connections SET sign_in_begun_at = '2000-01-01' WHERE company_id = %s")
        assert turn(desk)[-1].fault == "source-unavailable"
    assert odd.sign_ins == 1
    assert desk.connection().state == "connecting"
    odd.on = front.on = False
    assert turn(desk)[-1].type == "completed"


def test_run_that_ends_in_what_nobody_foresaw_is_a_fault_with_a_reference_and_backed_off(
    two: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk, other = two
    with monkeypatch.context() as broken:
        broken.setattr(Account, "picker_jobs", lambda _: int("Ana Diaz"))
        waits = []
        for number in range(1, 5):
            command_id = desk.command()
            ended = turn(desk)[-1]
            assert (ended.type, ended.fault, ended.command_id) == ("failed", "internal-error", command_id)
            assert row(desk)["failures"] == number
            waits.append(row(desk)["due_s"])
    assert waits == sorted(waits)
    assert 240 <= waits[0] <= 300
    assert waits[-1] >= 4 * waits[0]
    reference = (ended.message or "").rpartition(": ")[2].strip(".")
    assert len(reference) == 8
    assert reference in row(desk)["message"]
    logged = capsys.readouterr().out
    assert reference in logged
    assert "literal for int" not in logged
    assert turn(other)[-1].type == "completed"
    assert turn(desk)[-1].type == "completed"
    assert row(desk)["failures"] == 0


def test_what_breaks_outside_of_a_run_is_shown_and_holds_the_connection_back(
    two: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, other = two
    desk.make_due()
    lease = desk.lease()
    assert lease is not None
    with monkeypatch.context() as broken:
        broken.setattr("producers.connection_work.Settler.settle", lambda *_: int("x"))
        desk.work(lease)
    assert row(desk)["fault"] == "internal-error"
    assert row(desk)["held_back"]
    assert desk.lease() is None
    assert turn(other)[-1].type == "completed"


def test_replay_that_breaks_is_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Desk, "_replay", lambda *_: int("no offset"))
    desk.command(type="replay-dead-letters")
    assert [(event.type, event.fault) for event in turn(desk) if event.type == "failed"] == [
        ("failed", "internal-error")
    ]


@pytest.mark.parametrize("error", [RetriableError, ConfigurationError, FatalError])
def test_trouble_of_our_own_that_lasts_is_a_fault_that_status_shows(desk: Desk, error: type[Exception]) -> None:
    def refuse(_: object) -> None:
        raise error("It does not work now.")

    desk.publisher.before_commit = refuse
    turn(desk)
    assert desk.connection().fault is None
    again(desk)
    desk.sql(
        f"UPDATE integration.connections SET outage_since = now() - interval '{OUTAGE_SHOWN_AFTER_S} seconds' "
        "WHERE company_id = %s"
    )
    turn(desk)
    assert desk.connection().fault == "service-outage"
    desk.publisher.before_commit = lambda _: None
    again(desk)
    assert turn(desk)[-1].type == "completed"
    assert desk.connection().fault is None


def turn(desk: Desk) -> list[SyncEvent]:
    """A run, whoever has leased the connection: a desk leases all that are due, other companies' too."""
    again(desk)
    return desk.run()


def again(desk: Desk) -> None:
    desk.sql("UPDATE integration.connections SET lease_expires_at = '-infinity' WHERE company_id = %s")


def test_refused_password_is_not_tried_again_where_the_run_could_not_be_recorded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the journal keeps outlasts the run: nothing but it knows of the refusal here."""
    desk.connect(password="not it")
    with monkeypatch.context() as killed:
        killed.setattr("producers.runs.outcome.Recorder.failed", lambda *_: _raise(RetriableError("killed here")))
        turn(desk)
    again(desk)
    desk.command()
    assert turn(desk)[-1].fault == "wrong-credentials"
    assert desk.sandbox.counters()["sign_ins"]["failed"] == 1


def _raise(error: Exception) -> None:
    raise error


class Killed(BaseException):
    """kill -9."""


def test_poller_killed_in_a_sign_in_is_gone_on_from_soon_and_in_honest_words(desk: Desk) -> None:
    def kill(_: httpx.Response) -> httpx.Response:
        raise Killed

    odd = Odd(desk, LOGIN, kill)
    desk.make_due()
    lease = desk.lease()
    assert isinstance(lease, Lease)
    with pytest.raises(Killed):
        work_on(lease, desk.tools(), desk.stop)
    odd.on = False
    again(desk)
    ended = turn(desk)[-1]
    assert ended.fault == "source-unavailable"
    assert "cut off" in (ended.message or "")
    assert row(desk)["due_s"] <= 25
    desk.sql(
        "UPDATE integration.connections SET sign_in_begun_at = sign_in_begun_at - interval '21 seconds' "
        "WHERE company_id = %s"
    )
    assert turn(desk)[-1].type == "completed"
    assert odd.sign_ins == 2


def test_companies_of_one_buildertrend_user_share_its_session(
    new_desk: DeskMaker, sandbox_company: SandboxControl
) -> None:
    """The second and the third sign in with nothing: each sign-in would end the session of the others."""
    desks = [new_desk(sandbox_company) for _ in range(3)]
    for desk in desks:
        desk.connect()
        assert turn(desk)[-1].type == "completed"
    assert sandbox_company.counters()["sign_ins"]["successful"] == 1
    sandbox_company.end_sessions()
    for desk in desks:
        assert turn(desk)[-1].type == "completed"
    assert sandbox_company.counters()["sign_ins"]["successful"] == 2


def test_session_is_not_shared_with_who_knows_the_username_alone(
    new_desk: DeskMaker, sandbox_company: SandboxControl
) -> None:
    owner, stranger = new_desk(sandbox_company), new_desk(sandbox_company)
    owner.connect()
    turn(owner)
    stranger.connect(password="guessed")
    assert turn(stranger)[-1].fault == "wrong-credentials"


def test_account_that_was_confirmed_is_confirmed_for_those_credentials_alone(desk: Desk) -> None:
    """As `connect` of the CLI does, which asks nobody: what was confirmed before must not serve for another user."""
    desk.sql(
        "UPDATE integration.connections SET accept_builder_id = '1', pending_builder_id = '1' WHERE company_id = %s"
    )
    desk.connect()
    (kept,) = desk.sql(
        "SELECT accept_builder_id, pending_builder_id FROM integration.connections WHERE company_id = %s"
    )
    assert set(kept.values()) == {None}
