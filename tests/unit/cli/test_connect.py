"""What Connect takes and refuses before anything is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from cli.connect import Entered, checked
from core.errors import ConfigurationError

FINE = Entered("c1", " ana@builder.example ", "p w ", "America/Denver", date(2026, 1, 1))


def test_checked_trims_the_username_and_keeps_the_rest() -> None:
    new = checked(FINE)
    assert (new.company_id, new.username, new.time_zone, new.import_from) == (
        "c1",
        "ana@builder.example",
        "America/Denver",
        date(2026, 1, 1),
    )


@pytest.mark.parametrize("company_id", ["", "a/b", "*"])
def test_checked_company_id_that_cannot_be_a_key_is_refused(company_id: str) -> None:
    with pytest.raises(ConfigurationError, match="COMPANY must be"):
        checked(replace(FINE, company_id=company_id))


@pytest.mark.parametrize("change", [{"username": "  "}, {"password": ""}])
def test_checked_empty_credentials_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="must not be empty"):
        checked(Entered("c1", change.get("username", "ana"), change.get("password", "pw"), "America/Denver"))


@pytest.mark.parametrize("time_zone", ["Mars/Olympus", "", "../etc/passwd", "america denver"])
def test_checked_unknown_time_zone_is_named(time_zone: str) -> None:
    with pytest.raises(ConfigurationError, match="is not known: give an IANA name"):
        checked(replace(FINE, time_zone=time_zone))


def test_entered_password_is_in_no_representation() -> None:
    assert "p w" not in repr(FINE)
