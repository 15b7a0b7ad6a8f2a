"""What a command is refused for before anything is sent."""

from __future__ import annotations

from datetime import date

import pytest

from cli.main import main
from cli.ordering import check
from core.errors import ConfigurationError
from schemas.command_sender import CommandOrder


def test_check_takes_one_company_or_all_and_keeps_entities_once() -> None:
    assert check(CommandOrder("sync", "c1", ("jobs", "users", "jobs"))).entities == ("jobs", "users")
    assert check(CommandOrder("sync", "*")).company_id == "*"


@pytest.mark.parametrize("company_id", ["", "a/b", "a\0b", "x" * 201, "x" * 3_000])
def test_check_refuses_what_is_no_company(company_id: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^COMPANY must (be|not)"):
        check(CommandOrder("sync", company_id))


def test_check_names_an_unknown_entity_and_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="--entity shifts is not known; it takes one of jobs, users"):
        check(CommandOrder("sync", "c1", ("jobs", "shifts")))


def test_check_refuses_days_in_the_wrong_order() -> None:
    with pytest.raises(ConfigurationError, match="--to must not be before --from"):
        check(CommandOrder("backfill", "c1", from_day=date(2026, 6, 2), to_day=date(2026, 6, 1)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["backfill", "c1", "--entity", "nope"], "--entity nope is not known"),
        (["backfill", "c1", "--from", "2026-06-02", "--to", "2026-06-01"], "--to must not be before"),
        (["backfill", "c1", "--from", "June"], "--from"),
        (["pause", "c1"], "--reason"),
        (["pause", "c1", "--reason", "  "], "--reason must say why"),
        (["cancel", "c1", "--command", "7"], "--command must be the id of a command"),
        (["explain", "c1", "shifts", "1"], "ENTITY shifts is not known"),
        (["explain", "c1", "jobs", "a\0b"], "NUL"),
        (["release-deletions", "a/b"], "COMPANY must be"),
        (["sync", "x" * 3_000], "COMPANY must not be longer than 200 characters"),
        (["pause", "c1", "--reason", "x" * 501], "--reason must not be longer than 500 characters"),
        (["pause", "c1", "--reason", "a\0b"], "--reason must not hold a NUL character"),
        (["backfill", "c1", "--from", "2101-01-01"], "--from must lie between 1970-01-01 and 2100-12-31"),
        (["backfill", "c1", "--dry-run", "--to", "1969-12-31"], "--to must lie between"),
        (["disconnect", "*"], "COMPANY: disconnect takes one company"),
        (["connect", "x" * 3_000, "--username", "a", "--time-zone", "UTC", "--password-stdin"], "COMPANY must not be"),
    ],
)
def test_wrong_usage_exits_2_before_anything_is_asked(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
