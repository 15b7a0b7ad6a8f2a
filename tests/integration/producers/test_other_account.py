"""Another Buildertrend account than before: asked about by name, taken after a confirmation, and only that one."""

from __future__ import annotations

from typing import Any

from control.other_account import accept, forget_confirmation
from sandbox.client import SandboxControl
from tests.fix_source import CompanyMaker
from tests.integration.producers.fix_runs import Desk


def enter(desk: Desk, other: SandboxControl) -> None:
    """New credentials, as the console stores them."""
    profile = other.company
    desk.connect(username=profile["username"], password=profile["password"])
    with desk.database.transaction() as tx:
        forget_confirmation(tx, desk.company_id)


def asked(desk: Desk) -> tuple[Any, ...]:
    with desk.database.transaction() as tx:
        row = tx.execute(
            "SELECT pending_builder_id, pending_builder_name, accept_builder_id"
            " FROM integration.connections WHERE company_id = %s",
            [desk.company_id],
        ).fetchone()
    assert row is not None
    return row


def confirm(desk: Desk, builder_id: str) -> bool:
    with desk.database.transaction() as tx:
        return accept(tx, desk.company_id, builder_id=builder_id)


def test_another_account_is_asked_about_by_name_and_taken_once_it_is_confirmed(
    read_desk: Desk, new_company: CompanyMaker
) -> None:
    other = new_company()
    enter(read_desk, other)
    before = read_desk.mark()
    read_desk.run()
    builder_id = str(other.company["builder_id"])
    assert asked(read_desk) == (builder_id, other.company["name"], None)
    assert read_desk.mark() == before, "nothing of it is published"
    assert not confirm(read_desk, "some other id")
    assert confirm(read_desk, builder_id)
    read_desk.run()
    connection = read_desk.connection()
    assert (connection.state, connection.builder_id) == ("connected", builder_id)
    assert asked(read_desk) == (None, None, None)
    assert connection.initial_done_at is not None
    published = {
        change["entity_id"] for change in read_desk.changes("jobs", since=before) if change["op"] == "SNAPSHOT"
    }
    assert published >= {str(job["id"]) for job in other.listed("jobs", limit=1000) if job["id"]}, "it is read whole"
    shifts = read_desk.changes("time-entries", since=before)
    assert "DELETE" not in {change["op"] for change in shifts}, "those of before are held"


def test_confirmation_is_for_the_account_that_was_shown_and_no_other(
    read_desk: Desk, new_company: CompanyMaker
) -> None:
    shown, third = new_company(), new_company()
    enter(read_desk, shown)
    read_desk.run()
    assert confirm(read_desk, str(shown.company["builder_id"]))
    # The confirmation stands; then a session of yet another account turns up.
    profile = third.company
    read_desk.connect(username=profile["username"], password=profile["password"])
    read_desk.run()
    assert read_desk.connection().state == "needs-attention"
    assert asked(read_desk)[0] == str(third.company["builder_id"])


def test_new_credentials_forget_what_was_asked(read_desk: Desk, new_company: CompanyMaker) -> None:
    enter(read_desk, new_company())
    read_desk.run()
    enter(read_desk, read_desk.sandbox)
    assert asked(read_desk) == (None, None, None)
    read_desk.run()
    assert read_desk.connection().state == "connected"
