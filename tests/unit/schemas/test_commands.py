"""Commands that are refused: each with a sentence that names the field."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.commands import CommandType, invalid, malformed, refusal
from tests.factories import command_body

# A fixed one: the names of parametrized tests hold it, and must be the same in every process that collects them.
_ID = "6f1e2a34-9b0c-4d5e-8f70-a1b2c3d4e5f6"


def test_good_command_of_each_type_is_not_refused() -> None:
    for kind in CommandType:
        body = command_body(
            type=kind.value, entities=["jobs", "time-entries"] if kind.rules.entities else [], dry_run=True
        )
        assert malformed(body) is None
        assert invalid(body, connected=True) is None
        assert (invalid(body | {"company_id": "*"}, connected=False) is None) == kind.rules.for_all


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"command_id": "1"}, "command_id"),
        ({"command_id": ""}, "command_id"),
        ({"command_id": f"urn:uuid:{_ID}"}, "command_id"),
        ({"command_id": "1-2345678123456781234567812345678"}, "command_id"),
        ({"command_id": "{" + _ID + "}"}, "command_id"),
        ({"company_id": "a\x00b"}, "company_id"),
        ({"requested_by": "a\x00b"}, "requested_by"),
        ({"entities": ["a\x00b"]}, "entities"),
        ({"type": "sy\x00nc"}, "type"),
        ({"company_id": ""}, "company_id must be"),
        ({"company_id": "a/b"}, "company_id must be"),
        ({"company_id": "x" * 201}, "company_id must not be longer than 200 characters"),
        ({"company_id": "x" * 3_000}, "company_id must not be longer"),
        ({"command_id": "x" * 2_500_000}, "command_id must not be longer"),
        ({"type": "x" * 201}, "type must not be longer"),
        ({"requested_by": "x" * 201}, "requested_by must not be longer"),
        ({"target_id": "x" * 201}, "target_id must not be longer"),
        ({"type": "pause", "reason": "x" * 501}, "reason must not be longer than 500 characters"),
        ({"entities": ["jobs"] * 21}, "entities must be among"),
        ({"entities": ["x" * 201]}, "entities must be among"),
        ({"type": "backfill", "from_date": 2_147_483_647}, "from_date must lie between 1970-01-01 and 2100-12-31"),
        ({"type": "backfill", "to_date": 47_847}, "to_date must lie between"),
        ({"type": "backfill", "from_date": -1}, "from_date must lie between"),
        ({"requested_at": 2**62}, "requested_at"),
        ({"requested_at": -1}, "requested_at"),
    ],
)
def test_malformed_command_names_the_field_before_the_database_is_asked(changes: dict[str, Any], names: str) -> None:
    assert str(malformed(command_body(**changes))).startswith(names)


def test_malformed_calendar_date_sent_as_days_is_told_what_days_are() -> None:
    said = malformed(command_body(type="backfill", from_date=20_260_101))
    assert said == (
        "from_date must lie between 1970-01-01 and 2100-12-31: dates are days since 1970-01-01; "
        "20260101 looks like a calendar date."
    )


@pytest.mark.parametrize("days", [0, 47_846])
def test_malformed_first_and_last_day_that_are_taken_are_fine(days: int) -> None:
    body = command_body(type="backfill", from_date=days, reason="x" * 500, company_id="x" * 200)
    assert refusal(body, connected=True) is None


@pytest.mark.parametrize("command_id", [_ID, _ID.upper()])
def test_malformed_uuid_in_either_case_is_fine(command_id: str) -> None:
    assert malformed(command_body(command_id=command_id)) is None


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"type": "dance"}, "type"),
        ({"type": "disconnect", "company_id": "*"}, "company_id"),
        ({"entities": ["jobs", "invoices"]}, "entities"),
        ({"type": "pause", "entities": ["jobs"]}, "entities: pause takes none"),
        ({"from_date": 1}, "from_date belongs to backfill"),
        ({"to_date": 1}, "to_date belongs to backfill"),
        ({"type": "backfill", "from_date": 2, "to_date": 1}, "to_date must not be before"),
        ({"type": "backfill", "from_date": 2, "entities": ["jobs"]}, "from_date goes with time-entries"),
        ({"target_id": _ID}, "target_id belongs to cancel"),
        ({"type": "cancel", "target_id": "7"}, "target_id must be a UUID"),
        ({"type": "cancel", "company_id": "*", "target_id": _ID}, "target_id"),
    ],
)
def test_invalid_names_the_field(changes: dict[str, Any], names: str) -> None:
    assert str(invalid(command_body(**changes), connected=True)).startswith(names)


def test_invalid_unknown_company_says_to_connect_it() -> None:
    assert invalid(command_body(company_id="nobody"), connected=False) == (
        "company_id: nobody is not connected; connect it first."
    )
