"""What the command line changes is in the audit, as far as there is a database that takes it."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from cli.audit import note_sent
from cli.connect import Entered, store
from control.database import Database
from core.settings import Settings
from schemas.command_sender import CommandOrder
from tests import factories


def lines(settings: Settings, company_id: str) -> list[tuple[Any, ...]]:
    database = Database(settings, max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        return tx.execute(
            b"SELECT who, action, detail, command_id::text FROM integration.audit WHERE company_id = %s"
            b" ORDER BY audit_id",
            [company_id],
        ).fetchall()


def test_command_that_was_sent_is_noted_with_who_and_where(own_database: Settings) -> None:
    company_id, command_id = factories.company_id(), str(uuid4())
    note_sent(own_database, CommandOrder("pause", company_id, reason="Audit week."), command_id)
    note_sent(own_database, CommandOrder("full-sync", company_id, dry_run=True), str(uuid4()))
    ((who, action, detail, noted),) = lines(own_database, company_id)
    assert (action, detail, noted) == ("pause", {"reason": "Audit week."}, command_id)
    assert who.startswith("cli:")
    assert "@" in who


def test_command_that_was_sent_while_the_database_is_away_is_said_not_to_be_noted(
    own_database: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    away = own_database.model_copy(update={"database_url": SecretStr("postgresql://nobody@127.0.0.1:9/none")})
    note_sent(away, CommandOrder("sync", "c1"), str(uuid4()))
    assert "not in the audit" in capsys.readouterr().err
    note_sent(own_database.model_copy(update={"database_url": SecretStr("")}), CommandOrder("sync", "c1"), str(uuid4()))
    assert capsys.readouterr().err == ""


def test_connect_and_reconnect_are_noted_with_the_change_and_without_the_password(own_database: Settings) -> None:
    company_id, command_id = factories.company_id(), str(uuid4())
    entered = Entered(company_id, "ana", "hunter2", "America/Denver")
    store(own_database, entered, command_id=command_id)
    store(own_database, entered)
    noted = lines(own_database, company_id)
    assert [(action, command) for _, action, _, command in noted] == [("connect", command_id), ("reconnect", None)]
    assert "hunter2" not in str(noted)
