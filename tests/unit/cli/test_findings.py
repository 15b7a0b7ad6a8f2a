"""How doctor runs its checks: in order, those that need a failed one skipped, each failure with a fix."""

from __future__ import annotations

import json

import pytest

from cli.doctor import examine
from cli.findings import Check, Finding, ProblemError, run_checks
from cli.main import main
from core.errors import RetriableError
from core.settings import Settings


def failing(error: Exception) -> str:
    raise error


def test_run_checks_skips_what_needs_a_failed_one() -> None:
    checks = [
        Check("settings", lambda: "fine", "set it"),
        Check("broker", lambda: failing(RetriableError("No broker.")), "start it", ("settings",)),
        Check("topics", lambda: "all", "setup", ("broker",)),
        Check("clock", lambda: failing(ProblemError("9 s apart.", "NTP")), "", ("settings",)),
    ]
    assert run_checks(checks) == [
        Finding("settings", "ok", "fine"),
        Finding("broker", "failed", "No broker.", "start it"),
        Finding("topics", "skipped", "needs broker"),
        Finding("clock", "failed", "9 s apart.", "NTP"),
    ]


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(str(tmp_path))


@pytest.mark.usefixtures("no_settings")
def test_doctor_without_settings_names_the_first_and_skips_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["healthy"] is False
    first, *others = shown["checks"]
    assert (first["name"], first["state"]) == ("settings", "failed")
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in first["found"]
    assert {one["state"] for one in others} == {"skipped"}


@pytest.mark.usefixtures("no_settings")
def test_doctor_with_a_wrong_setting_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLL_INTERVAL_S", "soon")
    (only,) = examine()
    assert only.state == "failed"
    assert "POLL_INTERVAL_S is wrong" in only.found
